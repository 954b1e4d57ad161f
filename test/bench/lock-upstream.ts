import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { makeKey } from "../unit/lock/fixture/signed-repository";
import { upstreamWorld } from "../unit/lock/fixture/upstream-world";
import { throughLine, type Line } from "./line";

// An upstream whose .deb is as large as Mesa's own native library for Node, in a process of its own, once on this machine and once
// behind a line (ms, Mbit/s as arguments). Prints the paths of both upstream.toml; ends when its stdin does.
const DEB_BYTES = 17_000_000;
const [roundTripMs = 20, megabitsPerSecond = 100] = process.argv.slice(2).map(Number);
const line: Line = { roundTripMs, megabitsPerSecond };

const world = await upstreamWorld(await makeKey());
const contents = randomBytes(DEB_BYTES).toString("base64");
await world.publish({ debs: [{ version: "0.20.0", depends: "fuse3", contents }] });
const { path } = await world.upstream();
let text = await readFile(path, "utf8");
for (const { host } of [world.images, world.packages])
  text = text.replaceAll(host, `127.0.0.1:${String(await throughLine(Number(host.split(":")[1]), line))}`);
const behind = path.replace(/\.toml$/u, "-behind-a-line.toml");
await writeFile(behind, text);
process.stdout.write(`${JSON.stringify([path, behind])}\n`);
process.stdin.on("end", () => {
  void world.close().then(() => process.exit(0));
});
process.stdin.resume();
