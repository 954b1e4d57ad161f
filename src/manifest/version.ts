import parse from "semver/functions/parse";

/** What nearly every version looks like: told apart without parsing it, because a manifest may hold thousands. */
const PLAIN = /^(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})$/u;

/** Whether versions can be sorted by this text: semver. */
export function isVersion(text: string): boolean {
  return PLAIN.test(text) || parse(text) !== null;
}
