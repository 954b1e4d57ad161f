import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { answerFor } from "../../world/apt/conditional";
import { serveRepository } from "../../world/apt/serve";
import { variantChooser } from "../../world/apt/variants";
import { DEFAULT_PORTS, type WorldConfig } from "../../world/config";
import { createFaultBoard } from "../../world/faults";
import { createRequestLog } from "../../world/request-log";

describe("conditions and ranges", () => {
  const modified = new Date("2026-04-09T10:00:00.900Z");
  const file = { size: 100, etag: '"abc"', modified };

  it.each([
    ["nothing", {}, 200, 0, 100],
    ["a matching tag", { "if-none-match": '"abc"' }, 304, 0, 0],
    ["one matching tag of several", { "if-none-match": '"x", W/"abc"' }, 304, 0, 0],
    ["any tag", { "if-none-match": "*" }, 304, 0, 0],
    [
      "another tag, though not modified since",
      { "if-none-match": '"x"', "if-modified-since": modified.toUTCString() },
      200,
      0,
      100,
    ],
    ["the same date", { "if-modified-since": modified.toUTCString() }, 304, 0, 0],
    ["an earlier date", { "if-modified-since": "Thu, 09 Apr 2026 09:59:59 GMT" }, 200, 0, 100],
    ["a later date", { "if-modified-since": "Thu, 09 Apr 2026 11:00:00 GMT" }, 200, 0, 100],
    ["a date that is none", { "if-modified-since": "yesterday" }, 200, 0, 100],
    ["a range", { range: "bytes=10-19" }, 206, 10, 20],
    ["the rest", { range: "bytes=90-" }, 206, 90, 100],
    ["the end", { range: "bytes=-5" }, 206, 95, 100],
    ["more than there is", { range: "bytes=90-500" }, 206, 90, 100],
    ["behind the end", { range: "bytes=100-" }, 416, 0, 0],
    ["several ranges", { range: "bytes=0-1,5-6" }, 200, 0, 100],
    ["no range at all", { range: "bytes=-" }, 200, 0, 100],
    ["a range of the same file", { range: "bytes=50-", "if-range": '"abc"' }, 206, 50, 100],
    ["a range of the same date", { range: "bytes=50-", "if-range": modified.toUTCString() }, 206, 50, 100],
    ["a range of another file", { range: "bytes=50-", "if-range": '"x"' }, 200, 0, 100],
  ])("answer %s", (_, asked, status, start, end) => {
    expect(answerFor(asked, file)).toMatchObject({ status, start, end });
  });

  it("say which part it is", () => {
    expect(answerFor({ range: "bytes=10-19" }, file).headers).toMatchObject({
      "Content-Range": "bytes 10-19/100",
      "Content-Length": 10,
      ETag: '"abc"',
    });
    expect(answerFor({ range: "bytes=100-" }, file).headers).toMatchObject({
      "Content-Range": "bytes */100",
    });
  });
});

describe("the variant of an index that a fault shows", () => {
  const release = "dists/any/InRelease";
  const packages = "dists/any/main/binary-amd64/Packages.gz";

  it("stays as long as the fault is on, and ends with it", () => {
    const faults = createFaultBoard();
    const choose = variantChooser(faults, () => 0);
    faults.on("apt-wrong-key");
    expect([choose(release), choose(packages), choose(packages)]).toEqual([
      "wrong-key",
      "wrong-key",
      "wrong-key",
    ]);
    faults.off();
    expect([choose(packages), choose(release)]).toEqual([undefined, undefined]);
  });

  it("holds for one whole reading of the index when it is asked for once", () => {
    const faults = createFaultBoard();
    let now = 0;
    const choose = variantChooser(faults, () => now);
    faults.on("apt-index-hash", 1);
    expect([choose(release), choose(packages)]).toEqual(["index-hash", "index-hash"]);
    expect([choose(release), choose(packages)]).toEqual([undefined, undefined]);
    faults.on("apt-index-hash", 1);
    choose(release);
    now = 60_000;
    expect(choose(packages)).toBeUndefined();
  });
});

describe("the package server", () => {
  const root = mkdtempSync(join(tmpdir(), "world-apt-"));
  const faults = createFaultBoard();
  const requests = createRequestLog();
  let [base, registry] = ["", ""];
  let close = (): Promise<void> => Promise.resolve();

  const place = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    utimesSync(join(root, path), 1_775_000_000, 1_775_000_000);
  };

  beforeAll(async () => {
    place("key.asc", "the key");
    place("good/dists/any/InRelease", "signed");
    place("good/dists/any/Release", "release");
    place("good/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb", "honest deb");
    place("unsigned/dists/any/Release", "release");
    place("deb-version/dists/any/InRelease", "signed for liars");
    place("deb-version/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb", "lying deb");
    const probe = createServer();
    await new Promise<void>((done) => probe.listen(0, "127.0.0.1", done));
    const { port } = probe.address() as AddressInfo;
    await new Promise((done) => probe.close(done));
    base = `http://127.0.0.1:${String(port)}`;
    registry = `${base}/mesa-dot-dev/debian-public`;
    const config: WorldConfig = {
      dir: root,
      source: root,
      gateway: "127.0.0.1",
      ports: { ...DEFAULT_PORTS, apt: port },
      swaps: {},
    };
    const served = { root: () => root, keyPath: join(root, "key.asc") };
    close = await serveRepository({ config, faults, requests }, served);
  });
  afterEach(() => {
    faults.off();
    requests.clear();
  });
  afterAll(async () => {
    await close();
    rmSync(root, { recursive: true, force: true });
  });

  const text = async (path: string): Promise<string> => (await fetch(`${registry}/${path}`)).text();
  const status = async (path: string): Promise<number> => (await fetch(`${registry}/${path}`)).status;
  const DEB = "any/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb";

  it("serves key, index and pool where Buildkite's registry has them, and nothing else", async () => {
    expect(await text("gpgkey")).toBe("the key");
    expect(await text("any/dists/any/InRelease")).toBe("signed");
    expect(await text(DEB)).toBe("honest deb");
    for (const path of ["any/dists/any", "any/dists/none", "any/..%2f..%2fkey.asc", "other"])
      expect(await status(path), path).toBeGreaterThanOrEqual(400);
    expect(requests.list("apt").slice(0, 2)).toMatchObject([
      { method: "GET", path: "/mesa-dot-dev/debian-public/gpgkey", status: 200 },
      { status: 200 },
    ]);
  });

  it("answers HEAD, ranges and conditions", async () => {
    const head = await fetch(`${registry}/${DEB}`, { method: "HEAD" });
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["10", ""]);
    expect(head.headers.get("last-modified")).toBe(new Date(1_775_000_000_000).toUTCString());
    const part = await fetch(`${registry}/${DEB}`, { headers: { Range: "bytes=7-" } });
    expect([part.status, await part.text()]).toEqual([206, "deb"]);
    const again = await fetch(`${registry}/${DEB}`, {
      headers: { "If-None-Match": head.headers.get("etag") ?? "" },
    });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("shows an index without signature", async () => {
    faults.on("apt-unsigned");
    expect(await status("any/dists/any/InRelease")).toBe(404);
    expect(await status("any/dists/any/Release.gpg")).toBe(404);
    expect(await status("any/dists/any/Release")).toBe(200);
    expect(await text(DEB)).toBe("honest deb");
  });

  it("hands out a .deb that says another version, with the index that vouches for it", async () => {
    faults.on("apt-deb-version");
    expect(await text("any/dists/any/InRelease")).toBe("signed for liars");
    expect(await text(DEB)).toBe("lying deb");
  });

  it("spoils a .deb without changing its size, and with another tag", async () => {
    const good = await fetch(`${registry}/${DEB}`);
    faults.on("apt-deb-hash", 1);
    const bad = await fetch(`${registry}/${DEB}`);
    expect(bad.headers.get("etag")).not.toBe(good.headers.get("etag"));
    const [honest, spoiled] = [await good.text(), await bad.text()];
    expect(spoiled).not.toBe(honest);
    expect(spoiled).toHaveLength(honest.length);
    expect(await text(DEB)).toBe(honest);
  });

  it("redirects to another host over http, where the same bytes are: only care protects", async () => {
    faults.on("apt-http-redirect", 1);
    const answer = await fetch(`${registry}/${DEB}`, { redirect: "manual" });
    const location = answer.headers.get("location") ?? "";
    expect(answer.status).toBe(302);
    expect(new URL(location).host).not.toBe(new URL(base).host);
    expect(await (await fetch(location)).text()).toBe("honest deb");
  });

  it("is down when told", async () => {
    faults.on("apt-down", 1);
    await expect(fetch(`${registry}/gpgkey`)).rejects.toThrow("fetch failed");
    expect(await status("gpgkey")).toBe(200);
  });
});
