import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { resolveTemplate } from "../../../src/index";
import { revoke } from "../../../src/manifest/channels/revoke";
import { canonicalJson } from "../../../src/support/text/canonical-json";
import { entryOf, manifestOf, promote } from "./fixture";

const folder = mkdtempSync(join(tmpdir(), "resolve-template-"));
const facts = { at: "2026-02-01T00:00:00.000Z", by: "x" };
const manifest = promote(
  manifestOf(entryOf("alpine", "0.20.0"), entryOf("debian", "0.20.0"), entryOf("debian", "0.20.0", 2)),
  ["debian@0.20.0-1"],
  "stable",
  facts,
);
const file = join(folder, "manifest.json");
writeFileSync(file, canonicalJson(manifest));
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/manifest.json`;
}

describe("resolveTemplate", () => {
  it("gives the immutable image of a channel, a version's newest revision, or an id", async () => {
    const of = async (ref: string): Promise<string> =>
      (await resolveTemplate(ref, { template: "debian", manifest: file })).id;
    expect(await of("stable")).toBe("debian@0.20.0-1");
    expect(await of("0.20.0")).toBe("debian@0.20.0-2");
    expect(await resolveTemplate("debian@0.20.0-1", { template: "debian", manifest: file })).toMatchObject({
      image: "sandbox/mesa-debian:tag0200r1",
      mesaVersion: "0.20.0",
      entry: { status: "verified" },
    });
  });

  it("reads it from an address as well", async () => {
    const address = await serve((_request, response) => {
      response.end(canonicalJson(manifest));
    });
    expect((await resolveTemplate("stable", { template: "debian", manifest: address })).image).toBe(
      "sandbox/mesa-debian:tag0200r1",
    );
  });

  it.each([
    ["a channel that is not there", "canary", {}, "USAGE", /Nothing is called canary/u],
    ["an id of another template", "alpine@0.20.0-1", {}, "USAGE", /not a version of debian/u],
    [
      "a file that is not there",
      "stable",
      { manifest: "/nowhere/m.json" },
      "MANIFEST_UNREADABLE",
      /\/nowhere\/m\.json/u,
    ],
    [
      "an address without encryption",
      "stable",
      { manifest: "http://example.invalid/m.json" },
      "MANIFEST_ADDRESS",
      /https/u,
    ],
    [
      "another kind of address",
      "stable",
      { manifest: "ftp://example.invalid/m.json" },
      "MANIFEST_ADDRESS",
      /https/u,
    ],
  ])("refuses %s", async (_what, ref, options, code, words) => {
    await expect(
      resolveTemplate(ref, { template: "debian", manifest: file, ...options }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
    });
  });

  it("says why a revoked version is not to be used", async () => {
    const path = join(folder, "revoked.json");
    writeFileSync(
      path,
      canonicalJson(revoke(manifest, "debian@0.20.0-1", { ...facts, reason: "mounts time out" }, false)),
    );
    for (const ref of ["stable", "debian@0.20.0-1"])
      await expect(resolveTemplate(ref, { template: "debian", manifest: path })).rejects.toMatchObject({
        code: "REVOKED",
        message: expect.stringContaining("mounts time out") as string,
      });
  });

  it.each<[string, RequestListener, string, RegExp]>([
    [
      "a status that is no success",
      (_, response) => response.writeHead(404).end(),
      "MANIFEST_UNREACHABLE",
      /answered 404/u,
    ],
    [
      "a page instead of a manifest",
      (_, response) => response.end("<html>"),
      "MANIFEST_UNREADABLE",
      /line 1/u,
    ],
    [
      "half an answer",
      (_, response) => response.end(canonicalJson(manifest).slice(0, 900)),
      "MANIFEST_UNREADABLE",
      /line \d+/u,
    ],
    [
      "a redirect to somewhere without encryption",
      (_, response) => response.writeHead(302, { location: "http://example.invalid/" }).end(),
      "REDIRECT_REFUSED",
      /plain http/u,
    ],
    [
      "an answer without end",
      (_, response) => {
        const chunk = Buffer.alloc(1_000_000, "x");
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
      },
      "ANSWER_TOO_LARGE",
      /./u,
    ],
  ])("refuses %s", async (_what, answer, code, words) => {
    const address = await serve(answer);
    await expect(resolveTemplate("stable", { template: "debian", manifest: address })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
    });
  });

  it("is ended by its signal, with the signal's reason", async () => {
    const address = await serve(() => undefined);
    const stop = new AbortController();
    const asked = resolveTemplate("stable", { template: "debian", manifest: address, signal: stop.signal });
    setTimeout(() => {
      stop.abort(new Error("enough"));
    }, 50);
    await expect(asked).rejects.toThrow("enough");
  });
});
