import type { LookedAt } from "./files-at-rest";
import { goMode, isExecutableBy, lsMode } from "./go-mode";
import { judged, textAsked, type Asked, type Judged } from "../judged";
import type { FileContentTest, FileExistenceTest } from "./structure-file";

/** An entry of a kind that container-structure-test sees. */
type Seen = LookedAt & { readonly kind: "file" | "directory" | "symlink" };

/** Whether container-structure-test sees an entry: its StatFile and ReadFile pass over all but files, folders and links. */
function isSeen(entry: LookedAt): entry is Seen {
  return entry.kind === "file" || entry.kind === "directory" || entry.kind === "symlink";
}

function lsHint(wanted: string, { kind, mode: bits }: Seen, mode: string): string | undefined {
  return wanted === lsMode(kind, bits)
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
  const expected = `${path} ${test.shouldExist ? "to exist" : "not to exist"}`;
  if (entry === undefined) return judged([{ expected, seen: "it does not", holds: !test.shouldExist }]);
  if (!isSeen(entry))
    return judged([
      {
        expected,
        seen: `it is a ${entry.kind === "pipe" ? "named pipe" : "device"}, which these tests do not see`,
        holds: !test.shouldExist,
        hint: "container-structure-test finds files, folders and symbolic links, and nothing else.",
      },
    ]);
  const there: Asked = {
    expected,
    seen: `it does: ${goMode(entry.kind, entry.mode)}`,
    holds: test.shouldExist,
  };
  if (!test.shouldExist) return judged([there]);
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
        seen: "there is no such file",
        holds: false,
        hint: test.path.includes("$")
          ? "Paths of content tests are taken as they are: $NAME is not replaced here."
          : "Only a file can be read. Where a symbolic link stands at the path, the target of a relative one is looked for from /, not from beside the link.",
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
