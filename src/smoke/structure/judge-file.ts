import type { LookedAt } from "./files-at-rest";
import { goMode, isExecutableBy, lsMode } from "./go-mode";
import { judged, textAsked, type Asked, type Judged } from "../judged";
import type { FileContentTest, FileExistenceTest } from "./structure-file";

function lsHint(wanted: string, entry: LookedAt, mode: string): string | undefined {
  const kind = entry.kind === "directory" || entry.kind === "symlink" ? entry.kind : "file";
  return wanted === lsMode(kind, entry.mode)
    ? `That is how ls writes it; these files use Go's notation: write ${mode}.`
    : undefined;
}

/** An owner that is not asked for. */
const ANY_OWNER = -1;

/** Whether an existence test asks whose the entry is. */
export function asksForOwner({ uid, gid }: Pick<FileExistenceTest, "uid" | "gid">): boolean {
  return uid !== ANY_OWNER || gid !== ANY_OWNER;
}

function owner(what: "uid" | "gid", wanted: number, is: number | undefined): readonly Asked[] {
  if (wanted === ANY_OWNER) return [];
  return [
    {
      expected: `${what} ${String(wanted)}`,
      seen: `${what} ${String(is ?? "untold")}`,
      holds: wanted === is,
    },
  ];
}

/** What an existence test says of the entry at its path; undefined: there is none. */
export function judgeExistence(test: FileExistenceTest, path: string, entry: LookedAt | undefined): Judged {
  const there: Asked = {
    expected: `${path} ${test.shouldExist ? "to exist" : "not to exist"}`,
    seen: entry === undefined ? "it does not" : `it does: ${goMode(entry.kind, entry.mode)}`,
    holds: (entry !== undefined) === test.shouldExist,
  };
  if (entry === undefined || !test.shouldExist) return judged([there]);
  const mode = goMode(entry.kind, entry.mode);
  const executable = isExecutableBy(test.isExecutableBy, entry.mode);
  return judged([
    there,
    ...(test.permissions === ""
      ? []
      : [
          {
            expected: `permissions ${test.permissions}`,
            seen: mode,
            holds: test.permissions === mode,
            hint: lsHint(test.permissions, entry, mode),
          },
        ]),
    ...owner("uid", test.uid, entry.uid),
    ...owner("gid", test.gid, entry.gid),
    ...(test.isExecutableBy === ""
      ? []
      : [
          {
            expected: `executable by ${test.isExecutableBy}`,
            seen: mode,
            holds: executable === true,
            hint:
              executable === undefined
                ? `isExecutableBy is owner, group, other or any, not "${test.isExecutableBy}".`
                : undefined,
          },
        ]),
  ]);
}

/** What a content test says of a file's bytes; a directory, and what is not there, fail it. */
export function judgeContent(test: FileContentTest, data: Uint8Array | "directory" | undefined): Judged {
  if (data === undefined)
    return judged([
      {
        expected: `${test.path} to be read`,
        seen: "it does not exist",
        holds: false,
        hint: test.path.includes("$")
          ? "Paths of content tests are taken as they are: $NAME is not replaced here."
          : undefined,
      },
    ]);
  if (data === "directory")
    return judged([{ expected: `${test.path} to be a file`, seen: "it is a directory", holds: false }]);
  const text = Buffer.from(data).toString("utf8");
  return judged([
    { expected: `${test.path} to be read`, seen: `${String(data.length)} bytes`, holds: true },
    ...textAsked(test.path, text, test.expectedContents, test.excludedContents),
  ]);
}
