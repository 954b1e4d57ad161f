import { compareVersions } from "../../compare/compare";
import { changeText } from "../../compare/text";
import type { Measured } from "../../record/record";

/** Files that contain times: logs, caches, the dates of passwords, Python's compiled files (with their sources' times). */
const TELLS_TIMES =
  /^\/(?:var\/(?:log|cache)|tmp|root\/\.(?:npm|cache))\/|\/\.npm\/|^\/etc\/shadow-?$|^\/var\/lib\/(?:dpkg|apt)\/.*-old$|\.pyc$/u;

const SHOWN = 8;

/** The differences between a build and the previous version in one line; "" if only times differ. */
export function whatIsNew(before: Measured, after: Measured): string {
  const counted = ({ files, record }: Measured): Measured => ({
    record,
    files: files.filter(({ path }) => !TELLS_TIMES.test(path)),
  });
  const { built } = compareVersions(counted(before), counted(after));
  if (built === null) return "";
  const { packages, environment, config, files } = built;
  const named = [...packages, ...environment, ...config].map(changeText);
  const paths = [...files.added, ...files.removed, ...files.changed.map(({ path }) => path)];
  const all = named.length > 0 ? named : paths;
  return all.length > SHOWN
    ? `${all.slice(0, SHOWN).join(", ")} and ${String(all.length - SHOWN)} more`
    : all.join(", ");
}
