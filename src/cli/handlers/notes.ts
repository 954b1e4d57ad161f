import type { CommandHandler } from "../command";
import { openManifest, workspaceShown } from "../manifest-context";
import { entriesOf, oneEntry } from "../../manifest/versions/ref";
import { sortedEntries } from "../../manifest/versions/newest";
import { compareVersions } from "../../compare/compare";
import { notesOf } from "../../compare/notes";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import { imagesShown, statusShown } from "../../manifest/versions/in-workspace";
import { measuredVersion } from "../../record/store";

export const run: CommandHandler = async (args, context) => {
  const { root, templates } = context;
  const opened = await openManifest(context);
  const { manifest } = opened;
  const workspace = workspaceShown(opened);
  const entries = entriesOf(manifest, args.required("ref"), templates);
  const given = args.text("since");
  const notes = await Promise.all(
    entries.map(async (entry) => {
      const since =
        given === undefined ? versionBefore(manifest, entry) : oneEntry(manifest, given, [entry.template]);
      return {
        id: entry.id,
        since: since?.id ?? null,
        markdown: await notesFor(root, entry, since, workspace),
      };
    }),
  );
  return {
    json: { notes },
    text: notes.map(({ markdown }) => markdown).join("\n"),
  };
};

async function notesFor(
  root: string,
  entry: ManifestEntry,
  since: ManifestEntry | undefined,
  workspace: string | undefined,
): Promise<string> {
  const measured = await measuredVersion(root, entry);
  const comparison =
    since === undefined ? undefined : compareVersions(await measuredVersion(root, since), measured);
  const facts = {
    status: statusShown(entry, workspace),
    images: imagesShown(entry, workspace),
    createdAt: entry.createdAt,
    smoke: entry.smoke,
  };
  return notesOf(measured.record, facts, comparison);
}

/** The previous version of the same template that is neither failed nor revoked. */
function versionBefore(manifest: Manifest, entry: ManifestEntry): ManifestEntry | undefined {
  const ofTemplate = sortedEntries(manifest).filter(({ template }) => template === entry.template);
  return ofTemplate
    .slice(ofTemplate.findIndex(({ id }) => id === entry.id) + 1)
    .find(({ status }) => status !== "failed" && status !== "revoked");
}
