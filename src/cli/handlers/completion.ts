import { basename } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { COMPLETION_SCRIPTS } from "../completion";

export const run: CommandHandler = (args, { host }) => {
  const shell = args.text("shell") ?? basename(host.env["SHELL"] ?? "bash");
  const script = COMPLETION_SCRIPTS[shell];
  if (script === undefined)
    return Promise.reject(
      wrongUsage(
        `Completion is not available for ${shell}.`,
        `Use one of ${Object.keys(COMPLETION_SCRIPTS).join(", ")}: mesa-template completion bash.`,
      ),
    );
  return Promise.resolve({
    json: { shell, script },
    text: script,
  });
};
