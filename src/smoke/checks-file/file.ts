import { quoted } from "../../support/text/quoted";
import type { HeldFile } from "../../docker/saved-image/index";
import type { CheckVerdict, CommandResult, ImageAtRest } from "../check";
import { judged, patternsAsked, type Asked } from "./expectations";
import type { FileEntry, Patterns } from "./schema";

/** The entry at a path, in an image at rest or in a sandbox. */
export interface FileSeen extends Pick<HeldFile, "kind" | "mode" | "uid" | "gid"> {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  /** Target of a symbolic link. */
  readonly link?: string | undefined;
  /** Text of the file after following links; undefined if not requested or missing. */
  readonly text?: string | undefined;
}

const PASSWD = "/etc/passwd";
const GROUP = "/etc/group";

function asksForName({ file: { owner } }: FileEntry): boolean {
  return typeof owner === "string" && /[^\d:]/u.test(owner);
}

/** Paths of an image at rest whose text a check needs. */
export function textsAsked(entry: FileEntry): readonly string[] {
  return [
    ...(entry.file.contents === undefined ? [] : [entry.file.path]),
    ...(asksForName(entry) ? [PASSWD, GROUP] : []),
  ];
}

/** The entry at a check's path in an image at rest; undefined if there is none. */
export async function seenAtRest(entry: FileEntry, image: ImageAtRest): Promise<FileSeen | undefined> {
  const { path, contents } = entry.file;
  const held = await image.entry(path);
  if (held === undefined) return undefined;
  const { kind, mode, uid, gid } = held;
  const names = asksForName(entry)
    ? { user: nameIn(await image.text(PASSWD), uid), group: nameIn(await image.text(GROUP), gid) }
    : {};
  return {
    kind,
    mode,
    uid,
    gid,
    ...names,
    link: kind === "symlink" ? held.content : undefined,
    text: contents === undefined ? undefined : await image.text(path),
  };
}

/** The name of an id in the text of /etc/passwd or /etc/group (name:password:id:…). */
function nameIn(text: string | undefined, id: number): string | undefined {
  return text
    ?.split("\n")
    .find((line) => line.split(":")[2] === String(id))
    ?.split(":")[0];
}

/** Exit code for a missing path. */
const NOTHING = 44;

/**
 * Shell text that prints the entry at a check's path: a line of numbers and names, one with the link's target, one that says whether text
 * follows.
 */
export function entryScript({ file: { path, contents } }: FileEntry): string {
  const text =
    contents === undefined
      ? "echo n"
      : 'if [ -f "$p" ] && [ -r "$p" ]; then echo y; cat "$p"; else echo n; fi';
  return `p=${quoted(path)}; [ -e "$p" ] || [ -L "$p" ] || exit ${String(NOTHING)}
stat -c '%f %u %g %U %G' "$p" || exit 1; if [ -L "$p" ]; then readlink "$p"; else echo; fi; ${text}`;
}

/** Kinds by the octal digits of st_mode above the permission bits (inode(7)). */
const KINDS: Readonly<Record<number, FileSeen["kind"]>> = {
  0o10: "file",
  0o04: "directory",
  0o12: "symlink",
};

/** Parses the output of entryScript; undefined if the path is missing. @throws Error with the shell's message */
export function seenInSandbox({ exitCode, stdout, stderr }: CommandResult): FileSeen | undefined {
  if (exitCode === NOTHING) return undefined;
  const [facts = "", link = "", hasText = "", ...text] = stdout.split("\n");
  const [hex, uid, gid, user, group] = facts.split(" ");
  if (exitCode !== 0 || group === undefined) throw new Error((stderr || stdout).trim().slice(0, 300));
  const mode = Number.parseInt(hex ?? "", 16);
  return {
    kind: KINDS[mode >> 12] ?? "other",
    mode: mode & 0o7777,
    uid: Number(uid),
    gid: Number(gid),
    user,
    group,
    link: link === "" ? undefined : link,
    text: hasText === "y" ? text.join("\n") : undefined,
  };
}

const octal = (mode: number): string => mode.toString(8).padStart(4, "0");

/** The verdict of a file check on the entry at its path; undefined: nothing there. */
export function judgeFile({ file }: FileEntry, seen: FileSeen | undefined): CheckVerdict {
  const { path, exists = true, type, mode, owner, link, contents } = file;
  if (seen === undefined || !exists)
    return judged([
      {
        expected: exists ? `${path} to exist` : `nothing at ${path}`,
        seen: seen === undefined ? "nothing exists there" : `a ${seen.kind} is there`,
        holds: exists === (seen !== undefined),
      },
    ]);
  const asked = (what: string, wanted: string, found: string): Asked => ({
    expected: `${path}: ${what} ${wanted}`,
    seen: `${what} ${found}`,
    holds: wanted === found,
  });
  const kind = seen.kind === "symlink" ? "link" : seen.kind;
  return judged([
    { expected: `${path} to exist`, seen: `a ${kind} is there`, holds: true },
    ...(type === undefined ? [] : [asked("type", type, kind)]),
    ...(mode === undefined
      ? []
      : [asked("mode", octal(Number.parseInt(String(mode).replace("0o", ""), 8)), octal(seen.mode))]),
    ...(owner === undefined ? [] : [ownerAsked(path, String(owner), seen)]),
    ...(link === undefined ? [] : [asked("link to", link, seen.link ?? "nothing: it is not a link")]),
    ...(contents === undefined ? [] : contentsAsked(path, seen, contents)),
  ]);
}

function ownerAsked(path: string, wanted: string, { uid, gid, user, group }: FileSeen): Asked {
  const [wantedUser = "", wantedGroup] = wanted.split(":");
  const fits = (name: string, id: number, named: string | undefined): boolean =>
    name === String(id) || name === named;
  const shownAs = (id: number, name: string | undefined): string =>
    name === undefined ? String(id) : `${String(id)} (${name})`;
  return {
    expected: `${path}: owner ${wanted}`,
    seen: `owner ${shownAs(uid, user)}, group ${shownAs(gid, group)}`,
    holds: fits(wantedUser, uid, user) && (wantedGroup === undefined || fits(wantedGroup, gid, group)),
  };
}

function contentsAsked(path: string, { text, kind }: FileSeen, contents: Patterns): readonly Asked[] {
  return text === undefined
    ? [
        {
          expected: `${path}: contents`,
          seen: kind === "symlink" ? "the link does not lead to a readable file" : `not a readable file`,
          holds: false,
        },
      ]
    : patternsAsked(`contents of ${path}`, text, contents);
}
