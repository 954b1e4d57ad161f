import type { ImageFile } from "../check";

/** A file mode as Go's fs.FileMode prints it, which is what container-structure-test compares with: d, L, then u g t for setuid, setgid, sticky, then rwx. */
export function goMode(kind: "file" | "directory" | "symlink", mode: number): string {
  const flag = (bit: number, letter: string): string => ((mode & bit) === 0 ? "" : letter);
  const first = { file: "", directory: "d", symlink: "L" }[kind];
  const flags = `${first}${flag(0o4000, "u")}${flag(0o2000, "g")}${flag(0o1000, "t")}`;
  return `${flags === "" ? "-" : flags}${rwx(mode).join("")}`;
}

function rwx(mode: number): string[] {
  return [...Array(9).keys()].map((bit) => ((mode & (0o400 >> bit)) === 0 ? "-" : ("rwx"[bit % 3] ?? "")));
}

/** Whether a mode lets owner, group, other or anybody execute; undefined for another word. */
export function isExecutableBy(who: string, mode: number): boolean | undefined {
  const masks: Readonly<Record<string, number>> = { owner: 0o100, group: 0o010, other: 0o001, any: 0o111 };
  const mask = masks[who];
  return mask === undefined ? undefined : (mode & mask) !== 0;
}

/** The same mode as ls prints it: -rwsr-xr-x. Only for hints. */
export function lsMode(kind: ImageFile["kind"], mode: number): string {
  const first = kind === "directory" ? "d" : kind === "symlink" ? "l" : "-";
  const letters = rwx(mode);
  const special = (bit: number, at: number, letter: string): void => {
    if ((mode & bit) !== 0) letters[at] = letters[at] === "x" ? letter : letter.toUpperCase();
  };
  special(0o4000, 2, "s");
  special(0o2000, 5, "s");
  special(0o1000, 8, "t");
  return first + letters.join("");
}
