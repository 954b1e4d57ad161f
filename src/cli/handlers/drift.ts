import type { CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { inUse } from "../in-use";
import { entriesOf } from "../../manifest/versions/ref";
import { readManifest } from "../../manifest/index";
import { COMPARISONS, findDrift, type DriftFinding } from "../../release/drift";
import { EXIT_CODES } from "../../support/exit-codes";
import { paths } from "../../support/paths";

export const run: CommandHandler = async (args, context) => {
  const { root, templates, upstream, host } = context;
  const manifest = await readManifest(paths(root).manifest);
  const ref = args.text("ref");
  const entries = ref === undefined ? inUse(manifest, templates) : entriesOf(manifest, ref, templates);
  if (entries.length === 0) {
    throw wrongUsage(
      "There is no version yet to compare.",
      "Release the first one: mesa-template release VERSION",
    );
  }
  const findings = await findDrift(host, {
    root,
    upstreamPath: upstream ?? paths(root).upstream,
    manifest,
    entries,
  });
  const drifted = findings.filter(({ differs }) => differs.length > 0);
  return {
    exitCode: drifted.length === 0 ? EXIT_CODES.done : EXIT_CODES.drift,
    json: { drift: drifted.length > 0, findings },
    text: driftText(findings),
  };
};

function driftText(findings: readonly DriftFinding[]): string {
  return [...new Set(findings.map(({ id }) => id))]
    .map((id) => {
      const lines = findings
        .filter((finding) => finding.id === id)
        .map(({ comparison, differs, skipped }) => {
          const word = differs.length > 0 ? "DRIFT" : skipped === undefined ? "ok" : "-";
          const why = skipped === undefined ? "" : ` (not compared: ${skipped.replace(/\.$/u, "")})`;
          return `  ${word.padEnd(5)}  ${COMPARISONS[comparison]}${why}\n${differs.map((one) => `         ${one}\n`).join("")}`;
        });
      return `${id}\n${lines.join("")}`;
    })
    .join("");
}
