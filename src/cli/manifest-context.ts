import { join, relative } from "node:path";
import type { CommandContext } from "./command";
import type { CommandArgs } from "./line/arguments";
import { EMPTY_MANIFEST, type Manifest } from "../manifest/entry";
import type { MoveFacts } from "../manifest/channels/move";
import { readManifest, updateManifest } from "../manifest/index";
import { refuseUnknownTemplates } from "../manifest/versions/ref";
import { workspaceAsked } from "../manifest/versions/usable-image";
import { gitEnvironment, whoMoves } from "../manifest/who";
import { isoTime } from "../support/clock";
import { MANIFEST_FILE, paths, templateNames } from "../support/files/paths";

/** What a command needs to read the manifest of a root. */
export interface ManifestFacts {
  readonly path: string;
  /** --workspace, BL_WORKSPACE or the one in bl's configuration; undefined if none is set. */
  readonly workspaceInUse: string | undefined;
  /** Templates that have a folder; undefined without templates/. */
  readonly kept: readonly string[] | undefined;
}

export interface OpenedManifest extends ManifestFacts {
  readonly manifest: Manifest;
  /** Whether --template includes a template. */
  readonly isAsked: (template: string) => boolean;
  /** The channels of these templates. */
  readonly channels: Manifest["channels"];
}

/** @throws Failure NO_PROJECT (exit 2) */
async function manifestFacts({ host, root }: CommandContext): Promise<ManifestFacts> {
  const { workspaceInUse } = await import("../blaxel/credentials");
  const [path, kept] = [paths(root).manifest, templateNames(root)];
  return { path, workspaceInUse: await workspaceInUse(host), kept };
}

/** Checks the names in --template. @throws Failure USAGE (exit 2) with the nearest one */
function checkTemplates({ templates }: CommandContext, { kept }: ManifestFacts, manifest: Manifest): void {
  if (templates === undefined) return;
  const recorded = Object.values(manifest.versions).map(({ template }) => template);
  refuseUnknownTemplates(templates, new Set([...recorded, ...(kept ?? [])]));
}

/**
 * Reads the manifest, and checks the names in --template.
 * @throws Failure of kind manifest (exit 8), NO_PROJECT and USAGE (exit 2)
 */
export async function openManifest(context: CommandContext): Promise<OpenedManifest> {
  const facts = await manifestFacts(context);
  const manifest = await readManifest(facts.path);
  checkTemplates(context, facts, manifest);
  const isAsked = (template: string): boolean => context.templates?.includes(template) ?? true;
  const channels = Object.fromEntries(
    Object.entries(manifest.channels).filter(([template]) => isAsked(template)),
  );
  return { ...facts, manifest, isAsked, channels };
}

/** The workspace that a command shows for an entry: the one in use, else the only one; undefined if there are several. */
export function workspaceShown({ manifest, workspaceInUse }: OpenedManifest): string | undefined {
  try {
    return workspaceAsked(manifest, workspaceInUse);
  } catch {
    return undefined;
  }
}

/** --reason, for the manifest: secrets in it are hidden. */
export function reasonGiven(args: CommandArgs, { host }: CommandContext): string | undefined {
  const reason = args.text("reason");
  return reason === undefined ? undefined : host.redact(reason);
}

/** A change of the manifest. */
interface Changed {
  readonly before: Manifest;
  readonly after: Manifest;
  /** The moves of channels, revocations and unrevocations. */
  readonly moves: Manifest["history"];
  /** " (dry run)" where nothing was written, else "". */
  readonly dry: string;
}

/**
 * Changes the manifest in one step and reports it; with --dry-run, only shows what would change. Checks the names in --template.
 * @param change receives the author and the time of the change
 * @param subject of the proposed commit
 */
export async function changeManifest(
  context: CommandContext,
  change: (manifest: Manifest, move: MoveFacts, facts: ManifestFacts) => Manifest,
  subject: () => string,
): Promise<Changed> {
  const { host, root, dryRun } = context;
  const facts = await manifestFacts(context);
  const by = await whoMoves(host, root);
  let before = EMPTY_MANIFEST;
  const changed = (manifest: Manifest): Manifest => {
    checkTemplates(context, facts, manifest);
    before = manifest;
    return change(manifest, { at: isoTime(host.clock.now()), by }, facts);
  };
  const after = dryRun
    ? changed(await readManifest(facts.path))
    : await updateManifest(host, facts.path, changed);
  if (!dryRun && after !== before) await tellWritten(context, subject());
  const moves = after.history.slice(before.history.length);
  return { before, after, moves, dry: dryRun ? " (dry run)" : "" };
}

/**
 * Reports that the manifest changed and how to share the change. Where git ignores the file, or there is no repository, there is nothing to
 * commit.
 */
async function tellWritten({ host, root }: CommandContext, subject: string): Promise<void> {
  const whole = join(root, MANIFEST_FILE);
  const file = relative(process.cwd(), whole);
  const path = file.startsWith("..") ? whole : file;
  // Exit codes of git check-ignore: 0 ignored, 1 not ignored, 128 no repository (gitignore documentation, "EXIT STATUS").
  const { exitCode } = await host.run({
    command: "git",
    args: ["-C", root, "check-ignore", "--quiet", whole],
    env: gitEnvironment(host.env),
    timeoutMs: 5_000,
  });
  const commit =
    exitCode === 1 ? `; commit and push it: git commit -m '${subject}' -- ${path} && git push` : "";
  host.emit({ type: "note", message: `written to ${path}${commit}` });
}
