import type { CommandContext, CommandHandler } from "../command";
import { wrongUsage } from "../command-line";
import { openManifest } from "../manifest-context";
import { fitted } from "../table";
import { entriesOf } from "../../manifest/versions/ref";
import { compareInputs, compareVersions } from "../../compare/compare";
import type { Comparison } from "../../compare/comparison";
import { summaryText } from "../../compare/summary";
import { comparisonText } from "../../compare/text";
import type { ManifestEntry } from "../../manifest/entry";
import { freshlyLocked } from "../../release/fresh-lock";
import { measuredVersion } from "../../record/store";
import { paths } from "../../support/paths";

const PATHS_ON_A_TERMINAL = 20;

export const run: CommandHandler = async (args, context) => {
  const { manifest } = await openManifest(context);
  const a = entriesOf(manifest, args.required("a"), context.templates);
  const other = args.text("b");
  const comparisons =
    other === undefined
      ? await Promise.all(a.map((entry) => withFreshLock(context, entry)))
      : await Promise.all(
          pairs(a, entriesOf(manifest, other, context.templates)).map(async ([from, to]) =>
            compareVersions(
              await measuredVersion(context.root, from),
              await measuredVersion(context.root, to),
            ),
          ),
        );
  const most = context.terminal.width === undefined ? Infinity : PATHS_ON_A_TERMINAL;
  return {
    json: { comparisons },
    text: comparisons
      .map((comparison) =>
        args.flag("full")
          ? comparisonText(comparison, most)
          : fitted(summaryText(comparison), context.terminal.width),
      )
      .join("\n"),
  };
};

/** Pairs to compare. Two ids form one pair, whatever their templates; otherwise each template's version pairs with its other one. */
function pairs(
  a: readonly ManifestEntry[],
  b: readonly ManifestEntry[],
): readonly (readonly [ManifestEntry, ManifestEntry])[] {
  const [onlyA, onlyB] = [a[0], b[0]];
  if (a.length === 1 && b.length === 1 && onlyA !== undefined && onlyB !== undefined) return [[onlyA, onlyB]];
  const found = a.flatMap((from) => {
    const to = b.find(({ template }) => template === from.template);
    return to === undefined ? [] : [[from, to] as const];
  });
  if (found.length > 0) return found;
  throw wrongUsage(
    `No template has both: ${a.map(({ id }) => id).join(", ")} and ${b.map(({ id }) => id).join(", ")}.`,
    "Give two ids to compare versions of different templates.",
  );
}

async function withFreshLock(context: CommandContext, entry: ManifestEntry): Promise<Comparison> {
  const { record } = await measuredVersion(context.root, entry);
  const fresh = await freshlyLocked(context.host, {
    root: context.root,
    upstreamPath: context.upstream ?? paths(context.root).upstream,
    template: entry.template,
    version: entry.mesaVersion,
    previous: record.lock,
  });
  return compareInputs(record, { ...fresh, id: `a fresh lock of ${entry.template} ${entry.mesaVersion}` });
}
