import * as z from "zod/mini";
import { Failure } from "../support/errors";
import { parsedJson } from "../support/text/parsed-json";
import { generationOf } from "./generation";

const NAME = "[A-Za-z0-9._-]{1,100}";
const BOOKMARK = "[A-Za-z0-9_][A-Za-z0-9._/-]{0,99}";
const MOUNT = new RegExp(
  `^(?:([A-Za-z0-9_-]+)/)?(${NAME})(?::(/[A-Za-z0-9._/-]+))?(?::(ro|rw))?(?:@(${BOOKMARK}))?$`,
  "u",
);
/** Names that Mesa does not allow for a repository (SDK 0.49.1). */
const RESERVED = /^(?:\.{1,2}|.*\.git|repos?|api-keys?)$/iu;

const bookmark = z.string().check(z.regex(new RegExp(`^${BOOKMARK}$`, "u")));
const changeId = z.string().check(z.minLength(1));
const revision = z.union([z.strictObject({ bookmark }), z.strictObject({ changeId })]);
const created = z.optional(
  z.strictObject({ bookmark: z.optional(bookmark), describe: z.optional(z.string()) }),
);
const entrySchema = z.strictObject({
  kind: z.literal("repo"),
  name: z.string().check(z.regex(new RegExp(`^${NAME}$`, "u"))),
  mode: z.enum(["ro", "rw"]),
  at: z.optional(revision),
  branchedFrom: z.optional(
    z.union([z.strictObject({ bookmark, as: created }), z.strictObject({ changeId, as: created })]),
  ),
  alias: z.optional(z.string()),
  subPaths: z.optional(z.unknown()),
});
const layoutSchema = z.record(z.string(), entrySchema);

/** One entry of a layout in the format of Mesa's SDK 0.49.1. */
export type LayoutEntry = z.infer<typeof entrySchema>;

/** A requested mount; undefined means the default. */
export interface RequestedMount {
  readonly org: string | undefined;
  /** In the mounted tree. */
  readonly path: string | undefined;
  readonly entry: LayoutEntry;
}

/** A repository in the mounted tree. */
export interface RepoMount {
  /** In the mounted tree, beginning with "/". */
  readonly path: string;
  readonly entry: LayoutEntry;
}

function wrong(message: string, hint: string): Failure {
  return new Failure({ code: "MOUNT_OPTION", kind: "usage", message, hint });
}

function wrongRepos(message: string, hint: string): Failure {
  return new Failure({ code: "REPO_NAME", kind: "usage", message, hint });
}

const FORM =
  "Write REPO[:PATH][:ro|rw][@BOOKMARK], such as acme/app:/app:rw or acme/docs:/docs@v2; paths begin with / and bookmarks contain no spaces.";

const isPlainPath = (path: string): boolean =>
  /^(?:\/[A-Za-z0-9._@+-]+)+$/u.test(path) && !path.split("/").some((part) => part === "." || part === "..");

/** Parses a --mount. @param write whether a mount without ro and rw is writable @throws Failure MOUNT_OPTION (exit 2) */
export function parseMount(text: string, write: boolean): RequestedMount {
  const [matched, org, name = "", path, mode, bookmark] = MOUNT.exec(text) ?? [];
  if (matched === undefined) throw wrong(`"${text}" is not a mount.`, FORM);
  if (RESERVED.test(name)) throw wrong(`"${text}": Mesa does not allow ${name} as a repository name.`, FORM);
  if (path !== undefined && !isPlainPath(path))
    throw wrong(`"${text}": ${path} is not a plain path in the mounted tree.`, FORM);
  const at = bookmark === undefined ? {} : { at: { bookmark } };
  return {
    org,
    path,
    entry: { kind: "repo", name, mode: mode === "rw" || mode === "ro" ? mode : write ? "rw" : "ro", ...at },
  };
}

/** Parses a layout from JSON, like Mesa's CLI. @param source its name in messages @throws Failure MESA_LAYOUT (exit 2) */
export function parseLayout(text: string, source: string): readonly RequestedMount[] {
  const bad = (why: string): Failure =>
    new Failure({
      code: "MESA_LAYOUT",
      kind: "usage",
      message: `${source} is not a layout: ${why}.`,
      hint: 'A layout is JSON such as {"/app": {"kind": "repo", "name": "app", "mode": "rw"}}; names have no organization.',
    });
  const value = parsedJson(text);
  if (value === undefined) throw bad("it is not JSON");
  const parsed = layoutSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw bad(`${(issue?.path ?? []).map(String).join(" ")}: ${issue?.message ?? ""}`.replace(/^: /u, ""));
  }
  const entries = Object.entries(parsed.data);
  if (entries.length === 0) throw bad("it mounts nothing");
  for (const [path, { name, mode, at, branchedFrom }] of entries) {
    if (!isPlainPath(path)) throw bad(`"${path}" is not a plain path beginning with /`);
    if (RESERVED.test(name)) throw bad(`${path}: Mesa does not allow ${name} as a repository name`);
    if (at !== undefined && branchedFrom !== undefined)
      throw bad(`${path}: at and branchedFrom exclude each other`);
    if (branchedFrom !== undefined && mode !== "rw") throw bad(`${path}: branchedFrom needs the mode rw`);
  }
  return entries.map(([path, entry]) => ({ org: undefined, path, entry }));
}

/** Parses a --repo. @throws Failure REPO_NAME (exit 2) */
export function parseRepo(text: string, write: boolean): RequestedMount {
  const [matched, org, name = ""] = /^([A-Za-z0-9_-]+)\/([A-Za-z0-9._-]+)$/u.exec(text) ?? [];
  if (matched === undefined) throw wrongRepos(`"${text}" is not a repository.`, "Write ORG/REPO.");
  return { org, path: undefined, entry: { kind: "repo", name, mode: write ? "rw" : "ro" } };
}

/**
 * Puts each writable repository on its own branch. The session creates the branch from the bookmark of the mount, else from `from`.
 * @throws Failure MOUNT_OPTION (exit 2)
 */
export function onBranch(
  requested: readonly RequestedMount[],
  branch: string,
  from: string,
): readonly RequestedMount[] {
  const bad = [branch, from].find((name) => !bookmark.safeParse(name).success);
  if (bad !== undefined) throw wrong(`"${bad}" is not a name for a bookmark.`, FORM);
  if (requested.some(({ entry }) => entry.branchedFrom !== undefined))
    throw wrong("A branch and branchedFrom exclude each other.", "Name the branch in the layout only.");
  if (requested.every(({ entry }) => entry.mode === "ro"))
    throw wrong(
      "A branch needs a repository that is mounted for writing.",
      "Add --write, or :rw to a mount.",
    );
  return requested.map((mount) => {
    const { at = { bookmark: from }, ...entry } = mount.entry;
    const branchedFrom = { ...at, as: { bookmark: branch } };
    return entry.mode === "ro" ? mount : { ...mount, entry: { ...entry, branchedFrom } };
  });
}

/** The default path of a repository; older generations have no other. */
const usualPath = (org: string, name: string): string => `/${org}/${name}`;

/** The organization that the mounts name; undefined if none does. @throws Failure REPO_NAME (exit 2) for several, or without mounts */
export function orgOfMounts(requested: readonly RequestedMount[]): string | undefined {
  if (requested.length === 0) throw wrongRepos("No repository was given.", "Write --repo ORG/REPO.");
  const orgs = [...new Set(requested.flatMap(({ org }) => (org === undefined ? [] : [org])))];
  if (orgs.length > 1)
    throw wrongRepos(
      `The repositories belong to several organizations: ${orgs.join(", ")}.`,
      "A credential belongs to one organization; use a separate sandbox for each.",
    );
  return orgs[0];
}

/** What requires a layout, as a verb phrase; undefined if the mount command of older generations is enough. */
function needsLayout(org: string, mounts: readonly RepoMount[]): string | undefined {
  for (const { path, entry } of mounts) {
    if (path !== usualPath(org, entry.name)) return `mount ${entry.name} at ${path}`;
    if (entry.at !== undefined) return `mount ${entry.name} at a bookmark or change`;
    if (entry.branchedFrom !== undefined) return `put ${entry.name} on a branch of its own`;
    for (const key of ["alias", "subPaths"] as const)
      if (entry[key] !== undefined) return `apply ${key} of ${entry.name}`;
  }
  return new Set(mounts.map(({ entry }) => entry.mode)).size > 1
    ? "mount some repositories for reading and others for writing"
    : undefined;
}

/** Whether the mount command gets a layout. */
export function usesLayout(version: string, org: string, mounts: readonly RepoMount[]): boolean {
  const { layout } = generationOf(version);
  return layout === "always" || (layout === "on-request" && needsLayout(org, mounts) !== undefined);
}

/**
 * Gives each mount its path. Refuses what the generation does not support.
 * @throws Failure MOUNT_OPTION, MESA_LAYOUT_UNFIT (exit 2)
 */
export function placeMounts(
  version: string,
  org: string,
  requested: readonly RequestedMount[],
): readonly RepoMount[] {
  const mounts = requested.map(({ path, entry }) => ({ path: path ?? usualPath(org, entry.name), entry }));
  const twice = mounts.find(({ path }, index) => mounts.findIndex((one) => one.path === path) !== index);
  if (twice !== undefined) throw wrong(`Two repositories have the same path ${twice.path}.`, FORM);
  const names = mounts.map(({ entry }) => entry.name.toLowerCase());
  const again = names.find((name, index) => names.indexOf(name) !== index);
  if (again !== undefined)
    throw wrong(`${again} is mounted twice.`, "Mesa mounts a repository only once; name it once.");
  const wanted = needsLayout(org, mounts);
  if (wanted !== undefined && generationOf(version).layout === "never")
    throw new Failure({
      code: "MESA_LAYOUT_UNFIT",
      kind: "usage",
      message: `Mesa ${version} cannot ${wanted}: layouts need Mesa 0.44 or newer.`,
      hint: `Use a newer version of the template. This one mounts every repository at ORG/REPO, all for reading or all for writing.`,
    });
  return mounts;
}
