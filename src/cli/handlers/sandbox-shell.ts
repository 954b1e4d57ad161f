import { createInterface, type Interface } from "node:readline";
import type { CommandContext, CommandHandler } from "../command";
import { errorText } from "../output/output";
import { environmentFrom, keptOf, sessionRequest, tellKept } from "../session-request";
import { promptScript, withSession, type Session } from "../../sandbox/index";
import { exitCodeOf, Failure, wrongUsage } from "../../support/errors";
import type { Host } from "../../support/host";

/** Whether a command is running, which Ctrl-C then ends. */
interface Running {
  begin(): AbortSignal;
  end(): void;
}

/** Ctrl-C at the prompt ends the running command, or discards the line being typed. */
function interruptible(lines: Interface, terminal: CommandContext["terminal"]): Running {
  let current: AbortController | undefined;
  lines.on("SIGINT", () => {
    if (current !== undefined) {
      current.abort(new Error("Ctrl-C"));
      return;
    }
    terminal.stderr("^C\n");
    lines.write(null, { ctrl: true, name: "u" });
    lines.prompt();
  });
  return {
    begin() {
      current = new AbortController();
      return current.signal;
    },
    end() {
      current = undefined;
    },
  };
}

/** Runs a line; Ctrl-C ends only this line. @returns its exit code; 130 if interrupted; not 0 if the mount broke */
async function runLine(
  host: Host,
  session: Session,
  line: string,
  memory: string,
  env: Readonly<Record<string, string>>,
  onOutput: (stream: "stdout" | "stderr", data: Uint8Array) => void,
  interrupt: AbortSignal,
): Promise<number> {
  const argv = ["sh", "-c", promptScript(line, memory)];
  const report = (failure: Failure): number => {
    onOutput("stderr", Buffer.from(errorText(failure, host.redact)));
    return exitCodeOf(failure);
  };
  try {
    const { exitCode, broken } = await session.run({ argv, env, onOutput }, interrupt);
    const code = broken === undefined ? 0 : report(broken);
    return exitCode === 0 ? code : exitCode;
  } catch (error) {
    if (interrupt.aborted && !host.signal.aborted) return 130;
    if (!(error instanceof Failure) || error.code !== "CREDENTIAL_ENDING") throw error;
    return report(error);
  }
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
    const running = interruptible(lines, terminal);
    let last = 0;
    lines.prompt();
    for await (const line of lines) {
      host.signal.throwIfAborted();
      const [isExit, code] = /^\s*exit(?:\s+(\d+))?\s*$/u.exec(line) ?? [];
      if (isExit !== undefined) {
        last = code === undefined ? last : Number(code) % 256;
        break;
      }
      if (line.trim() !== "") {
        const memory = `/tmp/mesa-shell-${host.runId}`;
        const onOutput = (stream: "stdout" | "stderr", data: Uint8Array): void => {
          terminal[stream](data);
        };
        last = await runLine(host, session, line, memory, env, onOutput, running.begin());
        running.end();
      }
      lines.prompt();
    }
    host.signal.removeEventListener("abort", close);
    lines.close();
    host.signal.throwIfAborted();
    if (keep) tellKept(host, keptOf(session));
    return last;
  });
  return { exitCode, json: {}, text: "" };
};
