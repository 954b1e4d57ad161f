import { setMaxListeners } from "node:events";
import { Failure } from "../support/errors";

/**
 * Turns SIGINT, SIGTERM and SIGHUP into an aborted signal, so that everything that was begun is undone before the end.
 * A third signal ends the program at once.
 */
export function interruption(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  // Whatever runs at the same time listens; Node warns of a leak from the eleventh listener on.
  setMaxListeners(0, controller.signal);
  let count = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    count += 1;
    if (count > 2) process.exit(130);
    controller.abort(
      new Failure({
        code: "INTERRUPTED",
        kind: "interrupted",
        message: `Interrupted by ${name}.`,
        hint: "Run the same command again: it goes on after the last finished stage.",
      }),
    );
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
