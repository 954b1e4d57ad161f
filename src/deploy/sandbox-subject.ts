import type { SandboxInstance } from "@blaxel/core";
import type { Command, CommandResult, Subject } from "../smoke/check";
import { sandboxHeaders, throughEdge } from "../blaxel/control-plane";
import type { Host } from "../support/host";
import { Failure, messageOf } from "../support/errors";
import { timeLimit } from "../support/processes/time-limit";
import { within } from "../support/processes/within";
import { quoted } from "../support/text/quoted";

const DEFAULT_TIMEOUT_MS = 30_000;
/** For the answer after a command's own limit, in ms. */
const SPARE_MS = 15_000;

/**
 * The shell text of a command. The sandbox API runs everything as its own user. Other users are reached through setpriv, else su, with the
 * image's groups for the user and the environment kept, as an engine does.
 */
export function shellText(command: Command): string {
  const inner = command.script ?? (command.argv ?? []).map(quoted).join(" ");
  if (command.user === undefined || command.user === "root" || command.user === "0") return inner;
  const [user = "", group] = command.user.split(":");
  const numeric = /^\d+$/u.test(user);
  const regid = group === undefined ? (numeric ? user : `"$(id -g ${quoted(user)})"`) : quoted(group);
  const groups = numeric ? "--clear-groups" : "--init-groups";
  const setpriv = `exec setpriv --reuid=${quoted(user)} --regid=${regid} ${groups} sh -c ${quoted(inner)}`;
  const su = numeric
    ? `echo "no setpriv here, so user ${user} cannot be tried" >&2; exit 125`
    : `exec su -m -s /bin/sh ${quoted(user)} -c ${quoted(inner)}`;
  return `if command -v setpriv >/dev/null 2>&1 && setpriv --help 2>&1 | grep -q -- --reuid; then ${setpriv}; else ${su}; fi`;
}

/** A deployed sandbox as a subject of checks; everything goes through its API, like an agent's commands. */
export async function sandboxSubject(host: Host, sandbox: SandboxInstance): Promise<Subject> {
  const url = (sandbox.metadata.url ?? "").replace(/\/$/u, "");
  const headers = await sandboxHeaders(host);
  const ask = throughEdge(host, headers);
  const request: Subject["request"] = (port, path, init) => {
    const base = port === 8080 ? url : `${url}/port/${String(port)}`;
    return ask(`${base}${path}`, {
      ...init,
      signal: init?.signal ?? timeLimit(DEFAULT_TIMEOUT_MS, host.signal),
    });
  };
  return {
    kind: "sandbox",
    api: { url, headers },
    request,
    run: (command) => runInSandbox(sandbox, command, host),
  };
}

async function runInSandbox(sandbox: SandboxInstance, command: Command, host: Host): Promise<CommandResult> {
  const startedAt = host.clock.now();
  const ended = (result: Omit<CommandResult, "durationMs">): CommandResult => ({
    ...result,
    durationMs: host.clock.now() - startedAt,
  });
  const timeoutMs = command.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const limited = `timeout ${String(Math.max(1, Math.ceil(timeoutMs / 1000)))} sh -c ${quoted(shellText(command))}`;
  try {
    const answer = sandbox.process.exec({
      command: limited,
      waitForCompletion: true,
      timeout: Math.ceil(timeoutMs / 1000) + 5,
      ...(command.env === undefined ? {} : { env: { ...command.env } }),
      ...(command.cwd === undefined ? {} : { workingDir: command.cwd }),
    });
    const limitMs = timeoutMs + SPARE_MS;
    const { exitCode, stdout, stderr } = await within(host.clock, answer, limitMs, host.signal);
    return ended({ exitCode, stdout, stderr, timedOut: exitCode === 124 || exitCode === 143 });
  } catch (error) {
    host.signal.throwIfAborted();
    if (/timed out after/u.test(messageOf(error)))
      return ended({ exitCode: 124, stdout: "", stderr: messageOf(error), timedOut: true });
    throw new Failure({
      code: "SANDBOX_UNREACHABLE",
      kind: "deploy",
      message: `A command could not be run in the sandbox ${sandbox.metadata.name}: ${messageOf(error)}`,
      hint: "The sandbox API stopped, or the edge blocks requests; see bl logs sandbox NAME.",
      cause: error,
    });
  }
}
