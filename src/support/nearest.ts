import { distance } from "fastest-levenshtein";

/** The candidate that somebody probably meant by a mistyped word; undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let [found, least]: [string | undefined, number] = [
    undefined,
    Math.max(word.length < 4 ? 1 : 2, Math.floor(word.length / 3)) + 1,
  ];
  for (const candidate of candidates) {
    const edits = distance(word, candidate);
    if (edits < least) [found, least] = [candidate, edits];
  }
  return found;
}

/** "Did you mean stable?", or "" when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : `Did you mean ${found}?`;
}
