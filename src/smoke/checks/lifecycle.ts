import type { Check } from "../check";
import { failed, PASSED } from "./verdicts";

/** How long a container may take to end when it is asked to, in ms. */
const STOP_LIMIT_MS = 2_000;

/** How a container of the image ends. */
export const LIFECYCLE_CHECKS: readonly Check[] = [
  {
    name: "it leaves no zombies",
    needs: "lifecycle",
    run: async (lifecycle) => {
      const zombies = await lifecycle.zombies();
      return zombies.length === 0
        ? PASSED
        : failed(
            zombies.join(", "),
            "Processes ended that nobody waited for: let an init be process 1, or reap in the entrypoint.",
          );
    },
  },
  {
    name: "it stops within 2 s on SIGTERM",
    needs: "lifecycle",
    run: async (lifecycle) => {
      const { durationMs, exitCode, killed } = await lifecycle.stopWithSigterm();
      return !killed && durationMs <= STOP_LIMIT_MS
        ? { outcome: "passed", seen: `${String(Math.round(durationMs))} ms, exit ${String(exitCode)}` }
        : failed(
            `${String(Math.round(durationMs))} ms, exit ${String(exitCode)}${killed ? ", killed" : ""}`,
            "The entrypoint must end with exec, so that the sandbox API itself gets the signal.",
          );
    },
  },
];
