import type { CommandHandler } from "../command";
import {
  environmentFrom,
  keptOf,
  ourExitCode,
  sessionRequest,
  tellKept,
  type Kept,
} from "../session-request";
import { withSession, type Outcome, type Session, type SessionRequest } from "../../sandbox/index";
import { exitCodeOf, Failure, wrongUsage } from "../../support/errors";

/** Outcome of the command. */
interface Ended extends Outcome {
  readonly kept?: Kept;
}

export const run: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  if (args.rest.length === 0)
    throw wrongUsage(
      "Which command?",
      "mesa-template sandbox run REF --repo ORG/REPO -- COMMAND …; or open a prompt with sandbox shell.",
    );
  const env = environmentFrom(host, args.list("env"));
  const asked = await sessionRequest(args, context);
  const keep = args.flag("keep");
  const leftovers: string[] = [];
  const request: SessionRequest = {
    ...asked,
    onEvent: (event) => {
      if (event.type === "left-over") leftovers.push(event.message);
      asked.onEvent?.(event);
    },
  };
  let branches: Session["branches"] = [];
  const outputs = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const ended = await withSession<Ended>(host, request, async (session) => {
    branches = session.branches;
    const ran = await session.run({
      argv: args.rest,
      env,
      onOutput: (stream, data) => {
        if (json) outputs[stream].push(data);
        else terminal[stream](data);
      },
    });
    return keep ? { ...ran, kept: keptOf(session) } : ran;
  }).catch((error: unknown): Ended => {
    // The session is closed by now; keep the output up to this point.
    if (!(error instanceof Failure) || error.code !== "CREDENTIAL_ENDING") throw error;
    return { exitCode: exitCodeOf(error), broken: error };
  });
  const { exitCode, broken, kept } = ended;
  if (kept !== undefined) tellKept(host, kept);
  const text = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString("utf8");
  const failed =
    exitCode === 0
      ? undefined
      : new Failure({
          code: "COMMAND_FAILED",
          kind: "internal",
          message: `The command exited with ${String(exitCode)}.`,
        });
  return {
    exitCode: ourExitCode(ended),
    errors: broken === undefined ? [] : [broken],
    error: broken ?? failed,
    json: {
      exitCode,
      stdout: text(outputs.stdout),
      stderr: text(outputs.stderr),
      image: request.image,
      leftovers,
      ...(branches.length === 0 ? {} : { branches }),
      ...(kept === undefined ? {} : { kept }),
    },
    text: "",
  };
};
