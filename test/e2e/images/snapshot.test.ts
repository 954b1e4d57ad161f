import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, findGateway } from "../../world/engine";
import { debianSources, readAptConfiguration } from "../../world/images/apt-sources";
import { mesaTemplate, temporaryRoot } from "../program";
import { resetWorld } from "../world";

const AT = "20260401T000000Z";
const place = temporaryRoot();
const mirror = debianSources(readAptConfiguration(), "bookworm").find(({ suite }) => suite === "bookworm");
const asked: string[] = [];
let server: Server;
let upstream = "";

function docker(...args: readonly string[]): string {
  return execFileSync("docker", args, { encoding: "utf8" }).trim();
}

/** A snapshot service as containers see it: whatever the moment, it sends on to the mirror this machine uses. */
beforeAll(async () => {
  await resetWorld();
  server = createServer((request, response) => {
    const [, rest] = /^\/archive\/debian\/[^/]+(\/.*)$/u.exec(request.url ?? "") ?? [];
    asked.push(request.url ?? "");
    if (rest === undefined) response.writeHead(404).end();
    else response.writeHead(302, { location: `${(mirror?.uri ?? "").replace(/\/$/u, "")}${rest}` }).end();
  });
  const gateway = await findGateway(connectEngine());
  await new Promise<void>((done) => server.listen(0, gateway, done));
  const { port } = server.address() as AddressInfo;
  const worlds = process.env["MESA_TEMPLATE_UPSTREAM"] ?? "";
  upstream = join(dirname(worlds), "upstream-with-snapshot.toml");
  const table = `\n[snapshot]\nurl = "http://${gateway}:${String(port)}/archive/debian"\nat = "${AT}"\n`;
  writeFileSync(upstream, readFileSync(worlds, "utf8") + table);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(upstream, { force: true });
  place.remove();
});

describe.skipIf(mirror === undefined)("a pinned snapshot", () => {
  it("is where the image's packages come from, and leaves nothing behind in it", async () => {
    const args = ["build", "0.20.0", "--template", "debian", "--root", place.root, "--upstream", upstream];
    const ran = await mesaTemplate([...args, "--json"]);
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    const [result] = ran.json<{ results: { image: { reference: string } }[] }>().results;
    const reference = result?.image.reference ?? "";
    expect(asked).toContain(`/archive/debian/${AT}/dists/bookworm/InRelease`);
    expect(asked.some((path) => path.startsWith(`/archive/debian/${AT}/pool/main/f/fuse3/`))).toBe(true);
    const inImage = (image: string): string =>
      docker(
        "run",
        "--rm",
        "--entrypoint",
        "sh",
        image,
        "-c",
        "find /etc/apt /tmp -type f | sort; cat /etc/apt/sources.list.d/*",
      );
    const { base } = JSON.parse(
      readFileSync(join(place.root, "dockerfiles/debian/0.20.0/lock.json"), "utf8"),
    ) as { base: { repository: string; digest: string } };
    const mirrors = /^images = "(.*)"$/mu.exec(readFileSync(upstream, "utf8"))?.[1] ?? "";
    expect(inImage(reference)).toBe(
      inImage(`${mirrors.replace(/\/$/u, "")}/${base.repository}@${base.digest}`),
    );
  });

  it("is in the lock, and a check without it fails", async () => {
    const check = ["lock", "0.20.0", "--check", "--template", "debian", "--root", place.root];
    expect((await mesaTemplate([...check, "--upstream", upstream])).code).toBe(0);
    const without = await mesaTemplate(check);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining(AT)]);
  });
});
