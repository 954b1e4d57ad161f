import type { Host } from "../../support/host";
import type { Check, Ending, Subject } from "../check";
import { failed, whenNone } from "./verdicts";

/** Time limit for a container to stop on request, in ms. */
const STOP_LIMIT_MS = 2_000;

/** Time after which a container counts as not stopping. */
const GIVE_UP_SECONDS = 10;

/** Time that a parent may take to reap an exited process on a busy machine, in ms. */
const REAPED_WITHIN_MS = 3_000;

/** Zombie processes (state Z) by name, from /proc alone; ps is not needed. */
const ZOMBIES =
  'for s in /proc/[0-9]*/stat; do read -r line < "$s" 2>/dev/null || continue; rest=${line##*) }; [ "${rest%% *}" = Z ] && echo "${line%%)*})"; done; true';

function shown({ durationMs, exitCode, killed }: Ending): string {
  return `${String(Math.round(durationMs))} ms, exit ${String(exitCode)}${killed ? ", killed" : ""}`;
}

async function zombiesIn({ clock, signal }: Host, subject: Subject): Promise<readonly string[]> {
  const zombieNames = async (): Promise<readonly string[]> =>
    (await subject.run({ script: ZOMBIES, user: "0" })).stdout.split("\n").filter((line) => line !== "");
  let found = await zombieNames();
  // Every exited process is a zombie until its parent reaps it.
  for (const startedAt = clock.now(); found.length > 0 && clock.now() - startedAt < REAPED_WITHIN_MS;) {
    await clock.sleep(100, signal);
    const still = await zombieNames();
    found = found.filter((zombie) => still.includes(zombie));
  }
  return found;
}

/** How a container of the image stops. */
export const lifecycleChecks = (host: Host): readonly Check[] => [
  {
    name: "it leaves no zombies",
    needs: "lifecycle",
    run: async ({ underInit, asProcess1 }) => {
      const bare = asProcess1();
      return whenNone(
        [...(await zombiesIn(host, underInit)), ...(await zombiesIn(host, await bare))],
        "Child processes exited and were not reaped: start no short-lived background processes in the entrypoint, or reap them.",
      );
    },
  },
  {
    name: "it stops within 2 s on SIGTERM",
    needs: "lifecycle",
    run: async ({ underInit, asProcess1 }) => {
      const [first, second] = await Promise.all([
        underInit.stop(GIVE_UP_SECONDS),
        asProcess1().then((bare) => bare.stop(GIVE_UP_SECONDS)),
      ]);
      const seen = `${shown(first)}; as process 1: ${shown(second)}`;
      return [first, second].every(({ durationMs, killed }) => !killed && durationMs <= STOP_LIMIT_MS)
        ? { outcome: "passed", seen }
        : failed(
            seen,
            "The entrypoint must end with exec, so that the sandbox API itself gets the signal; a shell as process 1 does not forward signals.",
          );
    },
  },
];
