import parse from "semver/functions/parse";
import { Failure } from "../support/errors";

const RELEASES = /^\d+\.\d+\.\d+$/u;

/**
 * Checks a Mesa version: strict semver without build metadata ("0.20.0", "0.21.0-alpha.1"). Returns it unchanged.
 * @throws Failure BAD_MESA_VERSION (exit 2) that suggests what was probably meant
 */
export function parseMesaVersion(text: string): string {
  const parsed = parse(text);
  if (parsed !== null && parsed.version === text) return text;
  throw new Failure({
    code: "BAD_MESA_VERSION",
    kind: "usage",
    message: `"${text}" is not a Mesa version: three numbers with dots, like 0.20.0.`,
    hint: probablyMeant(text),
  });
}

/** A suggestion of what was meant, as a sentence. */
function probablyMeant(text: string): string {
  const ofId = /^([a-z][a-z0-9-]*)@(.+)-\d+$/u.exec(text);
  if (ofId?.[1] !== undefined && ofId[2] !== undefined)
    return `That is the id of a version. Give its Mesa version and its template: ${ofId[2]} --template ${ofId[1]}.`;
  const bare = text
    .trim()
    .replace(/^mesa[@_=]?/iu, "")
    .replace(/^[v=^~]+/iu, "");
  if (RELEASES.test(bare)) return `Did you mean ${bare}?`;
  const parsed = parse(bare);
  if (parsed !== null) return `Did you mean ${parsed.version}?`;
  if (/^\d+\.\d+$/u.test(bare)) return `Did you mean ${bare}.0? Write all three numbers.`;
  if (/^\d+$/u.test(bare)) return `Did you mean 0.${bare}.0? Write all three numbers.`;
  if (/^(latest|stable|newest|current|next|main)$/iu.test(bare)) {
    return "A template pins one Mesa version; mesa-template outdated shows the newest, mesa-template upgrade takes it.";
  }
  return "mesa-template outdated shows the newest version.";
}
