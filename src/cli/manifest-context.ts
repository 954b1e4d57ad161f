import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { CommandContext } from "./command";
import type { CommandArgs } from "./line/arguments";
import { workspaceInUse } from "../blaxel/credentials";
import { EMPTY_MANIFEST, type Manifest } from "../manifest/entry";
import type { MoveFacts } from "../manifest/channels/move";
import { readManifest, updateManifest } from "../manifest/index";
import { entriesOf, oneEntry, refuseUnknownTemplates } from "../manifest/versions/ref";
import { workspacesOf } from "../manifest/versions/usable-image";
import { whoMoves } from "../manifest/git";
import { isoTime } from "../support/clock";
import { MANIFEST_FILE, paths, templateNames } from "../support/files/paths";
import { runGit } from "../support/processes/git";
import { quoted } from "../support/text/quoted";

/** A manifest, seen through --template. */
export type OpenedManifest = Awaited<ReturnType<typeof openManifest>>;

/** Checks the names in --template. @throws Failure USAGE (exit 2) with the nearest one */
function checkTemplates({ root, templates }: CommandContext, manifest: Manifest): void {
  if (templates === undefined) return;
  const recorded = Object.values(manifest.versions).map(({ template }) => template);
  refuseUnknownTemplates(templates, new Set([...recorded, ...(templateNames(root) ?? [])]));
}

/**
 * Reads the manifest, and checks the names in --template.
 * @throws Failure of kind manifest (exit 8), NO_PROJECT and USAGE (exit 2)
 */
export async function openManifest(context: CommandContext) {
  const { root, templates } = context;
  const manifest = await readManifest(paths(root).manifest);
  checkTemplates(context, manifest);
  const isAsked = (template: string): boolean => templates?.includes(template) ?? true;
  return {
    manifest,
    /** Whether --template includes a template. */
    isAsked,
    /** The channels of these templates. */
    channels: Object.fromEntries(Object.entries(manifest.channels).filter(([template]) => isAsked(template))),
    /** Their entries that a REF names, as entriesOf. */
    entries: (ref: string) => entriesOf(manifest, ref, templates),
    /** The only one of these, as oneEntry. */
    entry: (ref: string) => oneEntry(manifest, ref, templates),
  };
}

/** The workspace that a command shows for an entry: the one in use, else the only one; undefined if there are several. */
export async function workspaceShown(
  { host }: CommandContext,
  manifest: Manifest,
): Promise<string | undefined> {
  const all = workspacesOf(manifest);
  return (await workspaceInUse(host)) ?? (all.length === 1 ? all[0] : undefined);
}

/** --reason, for the manifest, in one line: secrets in it are hidden. */
export function reasonGiven(args: CommandArgs, { host }: CommandContext): string | undefined {
  const reason = host.redact(args.text("reason") ?? "");
  return (
    stripVTControlCharacters(reason)
      .replaceAll(/[\s\p{Cc}]+/gu, " ")
      .trim() || undefined
  );
}

/**
 * Changes the manifest in one step and reports it; with --dry-run, only shows what would change. Checks the names in --template.
 * @param change receives the author, the time and the reason of the change
 * @param subject of the proposed commit
 */
export async function changeManifest<Reason extends string | undefined>(
  context: CommandContext,
  reason: Reason,
  change: (manifest: Manifest, move: MoveFacts & { readonly reason: Reason }) => Manifest,
  subject: () => string,
) {
  const { host, root, dryRun } = context;
  const path = paths(root).manifest;
  const by = await whoMoves(host, root);
  let before = EMPTY_MANIFEST;
  const changed = (manifest: Manifest): Manifest => {
    checkTemplates(context, manifest);
    before = manifest;
    return change(manifest, { at: isoTime(host.clock.now()), by, reason });
  };
  const after = dryRun ? changed(await readManifest(path)) : await updateManifest(host, path, changed);
  if (!dryRun && after !== before) await tellWritten(context, subject());
  return {
    before,
    after,
    /** The moves of channels, revocations and unrevocations. */
    moves: after.history.slice(before.history.length),
    /** " (dry run)" where nothing was written, else "". */
    dry: dryRun ? " (dry run)" : "",
  };
}

/** How a command that is shown starts git in the root. */
export function gitFor(root: string): string {
  return root === process.cwd() ? "git" : `git -C ${quoted(root)}`;
}

/**
 * Reports that the manifest changed and how to share the change, with the locks and rendered files of the versions in it. Where git ignores
 * the file, or there is no repository, there is nothing to commit.
 */
async function tellWritten({ host, root }: CommandContext, subject: string): Promise<void> {
  const whole = join(root, MANIFEST_FILE);
  const file = relative(process.cwd(), whole);
  const path = file.startsWith("..") ? whole : file;
  const git = gitFor(root);
  // Exit codes of git check-ignore: 0 ignored, 1 not ignored, 128 no repository (gitignore documentation, "EXIT STATUS").
  const { exitCode } = await runGit(host, root, ["check-ignore", "--quiet", whole]);
  const commit =
    exitCode === 1
      ? `; commit and push it: ${git} add dockerfiles && ${git} commit -m '${subject}' -- dockerfiles && ${git} push`
      : "";
  host.emit({ type: "note", message: `written to ${path}${commit}` });
}
