import type { CommandHandler } from "../command";
import { bootstrapFor } from "../bootstrap-plan";
import { blaxelCore } from "../../blaxel/core";
import { saying } from "../../blaxel/sandboxes";
import { Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (args, context) => {
  const name = args.required("sandbox");
  const steps: { name: string; outcome: string }[] = [];
  const { mesaVersion, prepare } = await bootstrapFor(context, args.text("mesa-version"), (step, outcome) => {
    steps.push({ name: step, outcome });
  });
  const { SandboxInstance } = await blaxelCore(context.host);
  const sandbox = await SandboxInstance.get(name).catch((error: unknown) => {
    throw new Failure({
      code: "SANDBOX_NOT_FOUND",
      kind: "usage",
      message: `There is no sandbox ${name}: ${saying(error)}`,
      hint: "bl get sandboxes shows what runs.",
      cause: error,
    });
  });
  await prepare(sandbox);
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, sandbox: name, mesaVersion, steps },
    text: `${steps.map((step) => `${step.name}: ${step.outcome}\n`).join("")}Mesa ${mesaVersion} is in ${name}.\n`,
  };
};
