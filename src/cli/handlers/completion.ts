import { basename } from "node:path";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { COMPLETION_SCRIPTS } from "../completion/scripts";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = (args, { host }) => {
  const shell = args.text("shell") ?? basename(host.env["SHELL"] ?? "bash");
  const script = (COMPLETION_SCRIPTS as Readonly<Record<string, string>>)[shell];
  if (script === undefined)
    return Promise.reject(
      wrongUsage(
        `There is no completion for ${shell}.`,
        `There is for ${Object.keys(COMPLETION_SCRIPTS).join(", ")}: mesa-template completion bash.`,
      ),
    );
  return Promise.resolve({
    exitCode: EXIT_CODES.done,
    json: { ok: true, shell, script },
    text: script,
  });
};
