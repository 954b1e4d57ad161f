import type { CommandHandler } from "../command";
import { bootstrapFor } from "../bootstrap-plan";
import { runningSandbox } from "../../sandbox/bootstrap";

export const run: CommandHandler = async (args, context) => {
  const name = args.required("sandbox");
  const steps: { name: string; outcome: string }[] = [];
  const { mesaVersion, prepare } = await bootstrapFor(context, args.text("mesa-version"), (step, outcome) => {
    steps.push({ name: step, outcome });
  });
  await prepare(await runningSandbox(context.host, name));
  return {
    json: { sandbox: name, mesaVersion, steps },
    text: `${steps.map((step) => `${step.name}: ${step.outcome}\n`).join("")}Mesa ${mesaVersion} is installed in ${name}.\n`,
  };
};
