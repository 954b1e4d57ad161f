import { join } from "node:path";
import type { CommandArgs, CommandContext, CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { parseDuration } from "../duration";
import { errorDocument, errorText } from "../output";
import { oneEntry } from "../ref";
import { readManifest } from "../../manifest/index";
import { usableImage } from "../../manifest/usable-image";
import {
  eventText,
  runAndFollow,
  withSession,
  type SessionEvent,
  type SessionRequest,
} from "../../sandbox/index";
import { exitCodeOf, Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import type { Host } from "../../support/host";

function environmentFrom(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at <= 0) throw wrongUsage(`--env ${pair} is not K=V.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** Image and Mesa version of what is to be used: a version from the manifest. */
async function chosen(
  args: CommandArgs,
  { root, templates }: CommandContext,
): Promise<{ readonly image: string; readonly mesaVersion: string }> {
  const manifest = await readManifest(join(root, "dockerfiles/manifest.json"));
  const entry = oneEntry(manifest, args.text("ref") ?? "stable", templates);
  return { image: usableImage(entry), mesaVersion: entry.mesaVersion };
}

/** What a session needs, from the command line. */
export async function sessionRequest(args: CommandArgs, context: CommandContext): Promise<SessionRequest> {
  if (args.flag("write") && args.flag("read-only"))
    throw wrongUsage("--write and --read-only exclude each other.");
  const image = args.text("image");
  const base = {
    repos: args.list("repo"),
    write: args.flag("write"),
    createRepos: args.flag("create-repo"),
    ttlSeconds: parseDuration("--ttl", args.text("ttl") ?? "1h") / 1000,
    memoryMegabytes: args.number("memory") ?? 4096,
    region: args.text("region"),
    onEvent: (event: SessionEvent) => {
      context.host.emit({
        type: event.type === "left-over" ? "warning" : "note",
        message: eventText(event),
      });
    },
  };
  if (base.repos.length === 0) throw wrongUsage("Which repository?", "Give --repo ORG/REPO.");
  if (image === undefined) return { ...base, ...(await chosen(args, context)) };
  const { bootstrapFor } = await import("../bootstrap-plan");
  return { ...base, image, ...(await bootstrapFor(context, args.text("mesa-version"))) };
}

interface Kept {
  readonly name: string;
  readonly path: string;
  readonly until: string;
}

/** What came of the command: its exit code, and what broke the mount meanwhile. */
interface Ended {
  readonly exitCode: number;
  readonly broken: Failure | undefined;
  readonly kept: Kept | undefined;
}

/** The `error` of the answer: what broke the mount, else that the command failed. */
function errorOf({ exitCode, broken }: Ended, host: Host): Readonly<Record<string, unknown>> {
  if (broken === undefined && exitCode === 0) return {};
  const failed = new Failure({
    code: "COMMAND_FAILED",
    kind: "internal",
    message: `The command exited with ${String(exitCode)}.`,
  });
  return { error: errorDocument(broken ?? failed, host.redact) };
}

export const run: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  if (args.rest.length === 0)
    throw wrongUsage(
      "Which command?",
      "mesa-template sandbox run REF --repo ORG/REPO -- COMMAND …; or open a prompt with sandbox shell.",
    );
  const env = environmentFrom(args.list("env"));
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
  const outputs = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const ended = await withSession<Ended>(host, request, keep, async (session) => {
    const exitCode = await runAndFollow(host, session.sandbox, {
      argv: args.rest,
      cwd: session.path,
      env,
      onOutput: (stream, data) => {
        if (json) outputs[stream].push(data);
        else terminal[stream](data);
      },
    });
    const { name, path, credentialEndsAt: until } = session;
    return { exitCode, broken: await session.broken(), kept: keep ? { name, path, until } : undefined };
  });
  const { kept, broken } = ended;
  if (kept !== undefined)
    host.emit({
      type: "note",
      message: `kept: bl connect sandbox ${kept.name}; repository at ${kept.path}; the credential ends ${kept.until}; end it with mesa-template sandbox clean ${kept.name}`,
    });
  if (broken !== undefined && !json) terminal.stderr(errorText(broken, host.redact));
  const text = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString("utf8");
  return {
    exitCode: ourExitCode(ended),
    json: {
      ok: ended.exitCode === 0 && broken === undefined,
      exitCode: ended.exitCode,
      stdout: text(outputs.stdout),
      stderr: text(outputs.stderr),
      image: request.image,
      leftovers,
      ...(kept === undefined ? {} : { kept }),
      ...errorOf(ended, host),
    },
    text: "",
  };
};

/** The command's own; a command that says all is well although the mount broke is not believed. */
function ourExitCode({ exitCode, broken }: Ended): number {
  if (exitCode < 0) return EXIT_CODES.internal;
  return exitCode === 0 && broken !== undefined ? exitCodeOf(broken) : exitCode;
}
