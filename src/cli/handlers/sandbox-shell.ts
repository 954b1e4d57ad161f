import { createInterface } from "node:readline";
import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { errorText } from "../output";
import { runAndFollow, withSession } from "../../sandbox/index";
import { EXIT_CODES } from "../../support/exit-codes";
import { sessionRequest } from "./sandbox-run";

/** A prompt at the mounted path: each line runs in the sandbox, the working folder is kept from line to line. */
export const run: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  if (json) throw wrongUsage("sandbox shell is for people; it has no JSON.", "Use sandbox run.");
  const request = await sessionRequest(args, context);
  let count = 0;
  await withSession(host, request, args.flag("keep"), async (session) => {
    terminal.stderr(`${session.name}: Mesa is mounted at ${session.path}; exit or Ctrl-D ends it all\n`);
    const lines = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: context.terminal.interactive,
      prompt: "mesa> ",
    });
    const memory = `/tmp/mesa-shell-${host.runId}`;
    let cwd = session.path;
    lines.prompt();
    for await (const line of lines) {
      host.signal.throwIfAborted();
      if (line.trim() === "exit") break;
      if (line.trim() !== "") {
        count += 1;
        await runAndFollow({ ...host, runId: `${host.runId}-${String(count)}` }, session.sandbox, {
          argv: ["sh", "-c", `${line}\nc=$?; pwd > ${memory}; exit $c`],
          cwd,
          env: {},
          onOutput: (stream, data) => {
            terminal[stream](data);
          },
        });
        cwd = (await session.sandbox.fs.read(memory).catch(() => cwd)).trim() || cwd;
      }
      lines.prompt();
    }
    lines.close();
    const broken = await session.broken();
    if (broken !== undefined) terminal.stderr(errorText(broken, host.redact));
  });
  return { exitCode: EXIT_CODES.done, json: { ok: true }, text: "" };
};
