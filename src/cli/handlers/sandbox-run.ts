import { join } from "node:path";
import type { CommandArgs, CommandContext, CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { parseDuration } from "../duration";
import { oneEntry } from "../ref";
import { readManifest } from "../../manifest/index";
import { runAndFollow, withSession, type SessionRequest } from "../../sandbox/index";
import { EXIT_CODES } from "../../support/exit-codes";

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
  if (entry.deployment === null || !["deployed", "verified"].includes(entry.status))
    throw wrongUsage(
      `${entry.id} is ${entry.status}: there is no image of it to use.`,
      "mesa-template list shows what is there.",
    );
  return { image: entry.deployment.image, mesaVersion: entry.mesaVersion };
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
    env: {},
    onProgress: (message: string) => {
      context.host.emit({ type: "note", message });
    },
  };
  if (base.repos.length === 0) throw wrongUsage("Which repository?", "Give --repo ORG/REPO.");
  if (image === undefined) return { ...base, ...(await chosen(args, context)) };
  const { bootstrapFor } = await import("../bootstrap-plan");
  return { ...base, image, ...(await bootstrapFor(context, args.text("mesa-version"))) };
}

export const run: CommandHandler = async (args, context) => {
  const { host, terminal, json } = context;
  if (args.rest.length === 0)
    throw wrongUsage(
      "Which command?",
      "mesa-template sandbox run REF --repo ORG/REPO -- COMMAND …; or open a prompt with sandbox shell.",
    );
  const env = environmentFrom(args.list("env"));
  const request = await sessionRequest(args, context);
  const outputs = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  let leftovers: readonly string[] = [];
  let kept: { readonly name: string; readonly path: string; readonly until: string } | undefined;
  const exitCode = await withSession(
    host,
    request,
    args.flag("keep"),
    async (session) => {
      if (args.flag("keep"))
        kept = { name: session.name, path: session.path, until: session.credentialEndsAt };
      return runAndFollow(host, session.sandbox, {
        argv: args.rest,
        cwd: session.path,
        env,
        onOutput: (stream, data) => {
          if (json) outputs[stream].push(data);
          else terminal[stream](data);
        },
      });
    },
    (found) => {
      leftovers = found;
      for (const leftover of found) host.emit({ type: "warning", message: leftover });
    },
  );
  if (kept !== undefined)
    host.emit({
      type: "note",
      message: `kept: bl connect sandbox ${kept.name}; repository at ${kept.path}; the credential ends ${kept.until}; end it with mesa-template sandbox clean`,
    });
  const text = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString("utf8");
  return {
    exitCode: exitCode < 0 ? EXIT_CODES.internal : exitCode,
    json: {
      ok: exitCode === 0,
      exitCode,
      stdout: text(outputs.stdout),
      stderr: text(outputs.stderr),
      image: request.image,
      leftovers,
      ...(kept === undefined ? {} : { kept }),
      ...(exitCode === 0
        ? {}
        : {
            error: {
              code: "COMMAND_FAILED",
              message: `The command exited with ${String(exitCode)}.`,
              hint: null,
              cause: null,
              log: [],
            },
          }),
    },
    text: "",
  };
};
