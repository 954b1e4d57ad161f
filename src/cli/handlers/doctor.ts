import type { CommandHandler } from "../command";
import { examine } from "../../doctor/doctor";
import { EXIT_CODES } from "../../support/exit-codes";

export const run: CommandHandler = async (_args, context) => {
  const found = await examine(context.host, {
    root: () => context.root,
    folder: context.startFolder,
    upstream: context.upstream,
  });
  const bad = found.filter(({ ok }) => !ok);
  const error = {
    code: "DOCTOR",
    message: `Missing: ${bad.map(({ name }) => name).join(", ")}.`,
    hint: "Follow the advice of each finding.",
    cause: null,
    log: [],
  };
  return {
    exitCode: bad.length === 0 ? EXIT_CODES.done : EXIT_CODES.environment,
    json: { ok: bad.length === 0, findings: found, ...(bad.length === 0 ? {} : { error }) },
    text: found
      .map(
        ({ ok, name, seen, todo }) =>
          `${ok ? "ok  " : "MISS"} ${name.padEnd(18)} ${seen}\n${todo === undefined ? "" : `     what to do: ${todo}\n`}`,
      )
      .join(""),
  };
};
