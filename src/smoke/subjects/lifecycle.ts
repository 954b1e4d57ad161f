import type { Host } from "../../support/host";
import type { Ending, Lifecycle } from "../check";
import type { SmokeContainer } from "./container";

/** Zombie processes by name, from /proc alone; ps is not needed. */
const ZOMBIES =
  'for s in /proc/[0-9]*/stat; do read -r line < "$s" 2>/dev/null || continue; rest=${line##*) }; [ "${rest%% *}" = Z ] && echo "${line%%)*})"; done; true';

/** Time after which a container counts as not stopping, in ms. */
const GIVE_UP_MS = 10_000;

/** Time that a parent may take to reap an exited process on a busy machine, in ms. */
const REAPED_WITHIN_MS = 3_000;

/**
 * How the image's containers start and stop. The stop check runs after all others.
 * @param underInit the long-lived container, whose process 1 is an init
 * @param asProcess1 a container that only starts and stops, whose process 1 is the image's entrypoint
 */
export function lifecycleOf(
  host: Host,
  underInit: SmokeContainer,
  asProcess1: () => Promise<SmokeContainer>,
): Lifecycle {
  return {
    async zombies() {
      const bare = asProcess1();
      return [...(await zombiesIn(host, underInit)), ...(await zombiesIn(host, await bare))];
    },
    async stopWithSigterm() {
      const [first, second] = await Promise.all([
        stopped(host, underInit),
        asProcess1().then((bare) => stopped(host, bare)),
      ]);
      return { underInit: first, asProcess1: second };
    },
  };
}

async function zombiesIn(host: Host, container: SmokeContainer): Promise<readonly string[]> {
  const zombieNames = async (): Promise<readonly string[]> =>
    (await container.run({ script: ZOMBIES, user: "0" })).stdout.split("\n").filter((line) => line !== "");
  let found = await zombieNames();
  // Every exited process is a zombie until its parent reaps it.
  for (
    const startedAt = host.clock.now();
    found.length > 0 && host.clock.now() - startedAt < REAPED_WITHIN_MS;
  ) {
    await host.clock.sleep(100, host.signal);
    const still = await zombieNames();
    found = found.filter((zombie) => still.includes(zombie));
  }
  return found;
}

async function stopped(host: Host, { engine, id }: SmokeContainer): Promise<Ending> {
  const startedAt = host.clock.now();
  await engine.stop(id, GIVE_UP_MS / 1000);
  const state = await engine.container(id);
  const waitedMs = host.clock.now() - startedAt;
  // Excludes the engine's own clean-up after the end (Podman: a second). A clock that differs from ours is ignored.
  const endedMs = (state?.finishedAtMs ?? Number.NaN) - startedAt;
  const durationMs = endedMs >= 0 && endedMs < waitedMs ? endedMs : waitedMs;
  const exitCode = state?.exitCode ?? -1;
  return { durationMs, exitCode, killed: exitCode === 137 };
}
