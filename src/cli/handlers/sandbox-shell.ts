import { createInterface } from "node:readline";
import type { CommandHandler } from "../command";
import { errorText } from "../output/output";
import { environmentFrom, keptOf, ourExitCode, sessionRequest, tellKept } from "../session-request";
import { promptScript, withSession, type Outcome, type Session } from "../../sandbox/index";
import { exitCodeOf, Failure, wrongUsage } from "../../support/errors";
import type { Host } from "../../support/host";

type Command = Parameters<Session["run"]>[0];

/** Runs a line; Ctrl-C ends only this line. @returns its exit code; 130 if interrupted; not 0 if the mount broke */
async function runLine(
  host: Host,
  session: Session,
  command: Command,
  interrupt: AbortSignal,
): Promise<number> {
  let ended: Outcome;
  try {
    ended = await session.run(command, interrupt);
  } catch (error) {
    if (interrupt.aborted && !host.signal.aborted) return 130;
    if (!(error instanceof Failure) || error.code !== "CREDENTIAL_ENDING") throw error;
    ended = { exitCode: exitCodeOf(error), broken: error };
  }
  if (ended.broken !== undefined)
    command.onOutput("stderr", Buffer.from(errorText(ended.broken, host.redact)));
  return ourExitCode(ended);
}

/** A prompt in the mounted folder. Each line runs in the sandbox; the folder and exported variables persist between lines. */
export const run: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  if (json) throw wrongUsage("sandbox shell is interactive and has no --json.", "Use sandbox run.");
  const env = environmentFrom(host, args.list("env"));
  const request = { ...(await sessionRequest(args, context)), renews: true };
  const keep = args.flag("keep");
  const exitCode = await withSession(host, request, async (session) => {
    terminal.stderr(`${session.name}: Mesa is mounted at ${session.path}; exit or Ctrl-D removes it\n`);
    const lines = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: terminal.interactive,
      prompt: "mesa> ",
    });
    const close = (): void => {
      lines.close();
    };
    host.signal.addEventListener("abort", close, { once: true });
    let running: AbortController | undefined;
    // Ctrl-C at the prompt ends the running command, or discards the line being typed.
    lines.on("SIGINT", () => {
      if (running !== undefined) {
        running.abort(new Error("Ctrl-C"));
        return;
      }
      terminal.stderr("^C\n");
      lines.write(null, { ctrl: true, name: "u" });
      lines.prompt();
    });
    let last = 0;
    let ended = false;
    lines.once("close", () => (ended = true));
    const prompt = (): void => {
      // Lines of a pipe come after its end; Node 24 then refuses a prompt.
      if (!ended) lines.prompt();
    };
    prompt();
    for await (const line of lines) {
      host.signal.throwIfAborted();
      const [isExit, code] = /^\s*exit(?:\s+(\d+))?\s*$/u.exec(line) ?? [];
      if (isExit !== undefined) {
        last = code === undefined ? last : Number(code) % 256;
        break;
      }
      if (line.trim() !== "") {
        running = new AbortController();
        const argv = ["sh", "-c", promptScript(line, `/tmp/mesa-shell-${host.runId}`)];
        const onOutput: Command["onOutput"] = (stream, data) => {
          terminal[stream](data);
        };
        last = await runLine(host, session, { argv, env, onOutput }, running.signal);
        running = undefined;
      }
      prompt();
    }
    host.signal.removeEventListener("abort", close);
    lines.close();
    host.signal.throwIfAborted();
    if (keep) tellKept(host, keptOf(session));
    return last;
  });
  return { exitCode, json: {}, text: "" };
};
