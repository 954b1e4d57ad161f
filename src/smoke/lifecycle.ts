import type { Host } from "../support/host";
import type { Lifecycle } from "./check";
import { execIn } from "./container";
import type { SmokeContainer } from "./start-container";

/** Processes in state Z by name, from /proc alone: no ps is needed. */
const ZOMBIES =
  'for s in /proc/[0-9]*/stat; do read -r line < "$s" 2>/dev/null || continue; rest=${line##*) }; [ "${rest%% *}" = Z ] && echo "${line%%)*})"; done; true';

/** How long a container may take before it counts as one that does not stop, in ms. */
const GIVE_UP_MS = 10_000;

/** Starting and stopping, seen on the long-lived container: stopping is the last check of all. */
export function lifecycleOf(host: Host, container: SmokeContainer): Lifecycle {
  const { engine, id } = container;
  return {
    async zombies() {
      const result = await execIn(host, container, { script: ZOMBIES });
      return result.stdout.split("\n").filter((line) => line !== "");
    },
    async stopWithSigterm() {
      const begun = host.clock.now();
      await engine.stop(id, GIVE_UP_MS / 1000);
      const state = await engine.container(id);
      const waitedMs = host.clock.now() - begun;
      // What an engine needs to tidy up after the end (Podman a second) is not the image's; a clock that is not ours is not believed.
      const endedMs = (state?.finishedAtMs ?? Number.NaN) - begun;
      const durationMs = endedMs >= 0 && endedMs < waitedMs ? endedMs : waitedMs;
      const exitCode = state?.exitCode ?? -1;
      return { durationMs, exitCode, killed: exitCode === 137 };
    },
  };
}
