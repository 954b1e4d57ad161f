import type { Check, Ending } from "../check";
import { failed, whenNone } from "./verdicts";

/** Time limit for a container to stop on request, in ms. */
const STOP_LIMIT_MS = 2_000;

function shown({ durationMs, exitCode, killed }: Ending): string {
  return `${String(Math.round(durationMs))} ms, exit ${String(exitCode)}${killed ? ", killed" : ""}`;
}

/** How a container of the image stops. */
export const LIFECYCLE_CHECKS: readonly Check[] = [
  {
    name: "it leaves no zombies",
    needs: "lifecycle",
    run: async (lifecycle) =>
      whenNone(
        await lifecycle.zombies(),
        "Child processes exited and were not reaped: start no short-lived background processes in the entrypoint, or reap them.",
      ),
  },
  {
    name: "it stops within 2 s on SIGTERM",
    needs: "lifecycle",
    run: async (lifecycle) => {
      const { underInit, asProcess1 } = await lifecycle.stopWithSigterm();
      const seen = `${shown(underInit)}; as process 1: ${shown(asProcess1)}`;
      return [underInit, asProcess1].every(({ durationMs, killed }) => !killed && durationMs <= STOP_LIMIT_MS)
        ? { outcome: "passed", seen }
        : failed(
            seen,
            "The entrypoint must end with exec, so that the sandbox API itself gets the signal; a shell as process 1 does not forward signals.",
          );
    },
  },
];
