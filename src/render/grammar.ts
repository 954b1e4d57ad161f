import { Failure } from "../support/errors";

/** The places for values, and the characters that have no special meaning there. */
const GRAMMARS = {
  "image reference":
    /^[a-z0-9.-]+(?::\d+)?(?:\/[a-z0-9._-]+)+(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/u,
  /** Plain http is safe here, because the files carry their own signatures. */
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
 * The value, if it is safe in its place in a Dockerfile, a TOML file or a shell line.
 * @param from its source, for the message
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
