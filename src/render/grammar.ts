import { Failure } from "../support/errors";

/** The places a value can go to, and what may stand there without meaning something else. */
const GRAMMARS = {
  "image reference":
    /^[a-z0-9.-]+(?::\d+)?(?:\/[a-z0-9._-]+)+(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/u,
  /** Where the files carry their own signatures: plain http does no harm. */
  "signed mirror's address": /^https?:\/\/[A-Za-z0-9.-]+(?::\d+)?(?:\/[A-Za-z0-9._~+%/-]*)?$/u,
  "https address":
    /^https:\/\/[A-Za-z0-9.-]+(?::\d+)?(?:\/[A-Za-z0-9._~+%@=,:/-]*(?:\?[A-Za-z0-9._~+%@=,:&/-]*)?)?$/u,
  path: /^\/[A-Za-z0-9._~+%/-]*$/u,
  word: /^[A-Za-z0-9][A-Za-z0-9._+:@/-]*$/u,
  name: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/u,
  "plain text": /^[^\p{Cc}"'\\$`]*$/u,
} as const;

export type Place = keyof typeof GRAMMARS;

/**
 * The value, when it may go to its place in a Dockerfile, a TOML file or a shell line.
 * @param from where it comes from, for the message
 * @throws Failure VALUE_NOT_ALLOWED (exit 2)
 */
export function checked(value: string, place: Place, from: string): string {
  if (GRAMMARS[place].test(value)) return value;
  const shown = JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  throw new Failure({
    code: "VALUE_NOT_ALLOWED",
    kind: "usage",
    message: `${from} is ${shown}, which is not allowed there (${place}): line breaks, quotes, backslashes, $ and backticks would change what the file means.`,
    hint: `Change ${from}.`,
  });
}
