import type { CommandArgs } from "./line/arguments";
import type { CommandContext } from "./command";
import { openManifest } from "./manifest-context";
import { workspaceInUse } from "../blaxel/credentials";
import { usableImage, workspaceAsked } from "../manifest/versions/usable-image";
import {
  eventText,
  onBranch,
  parseLayout,
  parseMount,
  parseRepo,
  type Outcome,
  type RequestedMount,
  type Session,
  type SessionEvent,
  type SessionRequest,
} from "../sandbox/index";
import { EXIT_CODES, exitCodeOf, wrongUsage } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import type { Host } from "../support/host";

/**
 * The variables of a command. K=V gives the value. K alone takes the caller's value, which stays out of argument lists and is redacted.
 * @throws Failure USAGE (exit 2)
 */
export function environmentFrom(
  { env, redact }: Pick<Host, "env" | "redact">,
  wanted: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    wanted.map((text) => {
      const at = text.indexOf("=");
      const name = at < 0 ? text : text.slice(0, at);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name))
        throw wrongUsage(
          at < 0 ? "--env takes NAME or NAME=VALUE." : `--env: "${name}" is not the name of a variable.`,
          "A name consists of letters, digits and underscores, and does not start with a digit.",
        );
      if (at >= 0) return [name, text.slice(at + 1)];
      const value = env[name];
      if (value === undefined)
        throw wrongUsage(
          `--env ${name}: the variable is not set here.`,
          `Set it, or give --env ${name}=VALUE.`,
        );
      redact.add(value);
      return [name, value];
    }),
  );
}

/** Image and Mesa version of the requested version, from the manifest. */
async function chosen(args: CommandArgs, context: CommandContext) {
  const { manifest, entry } = await openManifest(context);
  const version = entry(args.text("ref") ?? "stable");
  const workspace = workspaceAsked(manifest, await workspaceInUse(context.host));
  return { image: usableImage(manifest, version, workspace), mesaVersion: version.mesaVersion };
}

/** Mounts requested by --repo, --mount, --layout and --branch. @throws Failure USAGE, REPO_NAME, MOUNT_OPTION, MESA_LAYOUT (exit 2) */
async function requestedMounts(args: CommandArgs): Promise<readonly RequestedMount[]> {
  const [branch, from] = [args.text("branch"), args.text("from")];
  if (branch !== undefined && args.flag("read-only"))
    throw wrongUsage("--branch and --read-only exclude each other.", "A branch is for writing.");
  if (branch === undefined && from !== undefined)
    throw wrongUsage("--from needs --branch.", "Give --branch NAME, the bookmark to create from it.");
  const requested = await unbranched(args, branch !== undefined);
  return branch === undefined ? requested : onBranch(requested, branch, from ?? "main");
}

async function unbranched(args: CommandArgs, hasBranch: boolean): Promise<readonly RequestedMount[]> {
  const [repos, texts, file] = [args.list("repo"), args.list("mount"), args.text("layout")];
  const ways = [repos.length > 0, texts.length > 0, file !== undefined].filter(Boolean);
  if (ways.length > 1) throw wrongUsage("--repo, --mount and --layout exclude each other.");
  if (ways.length === 0) throw wrongUsage("Which repository?", "Give --repo ORG/REPO, --mount or --layout.");
  const write = args.flag("write") || hasBranch;
  if (file === undefined)
    return [...repos.map((text) => parseRepo(text, write)), ...texts.map((text) => parseMount(text, write))];
  if (args.flag("write") || args.flag("read-only"))
    throw wrongUsage(
      "--layout excludes --write and --read-only.",
      "The layout file sets this for each repository.",
    );
  const text = await readIfPresent(file);
  if (text === undefined) throw wrongUsage(`There is no layout file ${file}.`);
  return parseLayout(text.toString("utf8"), file);
}

/** What a session needs, taken from the command line. */
export async function sessionRequest(args: CommandArgs, context: CommandContext): Promise<SessionRequest> {
  if (args.flag("write") && args.flag("read-only"))
    throw wrongUsage("--write and --read-only exclude each other.");
  const image = args.text("image");
  if (image !== undefined && args.text("ref") !== undefined)
    throw wrongUsage(
      "REF and --image exclude each other.",
      "Name the Mesa to install: --mesa-version VERSION.",
    );
  if (image === undefined && args.text("mesa-version") !== undefined)
    throw wrongUsage("--mesa-version needs --image.", "A REF may be a Mesa version.");
  const base = {
    mounts: await requestedMounts(args),
    createRepos: args.flag("create-repo"),
    renews: false,
    ttlSeconds: args.duration("ttl") / 1000,
    memoryMegabytes: args.number("memory"),
    keep: args.flag("keep"),
    region: args.text("region"),
    user: args.text("user"),
    onEvent: (event: SessionEvent) => {
      context.host.emit({
        type: event.type === "left-over" || event.type === "warning" ? "warning" : "note",
        message: eventText(event),
      });
    },
  };
  if (image === undefined) return { ...base, ...(await chosen(args, context)) };
  const { bootstrapFor } = await import("./handlers/sandbox");
  return { ...base, image, ...(await bootstrapFor(context, args.text("mesa-version"))) };
}

/** A sandbox that keeps running after the program ends, until its credential expires (ISO 8601). */
export type Kept = ReturnType<typeof keptOf>;

export function keptOf({ name, path, credentialEndsAt: until }: Session) {
  return { name, path, until };
}

/** Explains how to reconnect to the sandbox and how to remove it. */
export function tellKept(host: Host, { name, path, until }: Kept): void {
  host.emit({
    type: "note",
    message: `kept: bl connect sandbox ${name}; repository at ${path}; the credential expires ${until}; remove it with mesa-template sandbox clean ${name}`,
  });
}

/** The exit code of a command; 0 does not count as success if the mount broke. */
export function ourExitCode({ exitCode, broken }: Outcome): number {
  if (exitCode < 0) return EXIT_CODES.internal;
  return exitCode === 0 && broken !== undefined ? exitCodeOf(broken) : exitCode;
}
