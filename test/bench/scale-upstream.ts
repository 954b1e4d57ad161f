import { makeKey } from "../unit/lock/fixture/signed-repository";
import { upstreamWorld } from "../unit/lock/fixture/upstream-world";

// An upstream with as many Mesa versions as the first argument says, in a process of its own; it ends when its stdin does.
const count = Number(process.argv[2] ?? "100");
const world = await upstreamWorld(await makeKey());
await world.publish({
  debs: Array.from({ length: count }, (_, index) => ({
    version: `0.${String(16 + index)}.0`,
    depends: "fuse3",
  })),
});
const upstream = await world.upstream();
process.stdout.write(`${upstream.path}\n`);
process.stdin.on("end", () => {
  void world.close().then(() => process.exit(0));
});
process.stdin.resume();
