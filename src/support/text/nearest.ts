import { distance } from "fastest-levenshtein";

/** The candidate that a mistyped or unfinished word probably means; undefined if none is near. */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  const candidates = [...names];
  const unfinished = word.length < 3 ? undefined : candidates.find((candidate) => candidate.startsWith(word));
  if (unfinished !== undefined) return unfinished;
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

/** "Did you mean stable?", or "" if nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : `Did you mean ${found}?`;
}
