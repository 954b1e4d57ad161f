import { downloadsOf, imageReference, imagesOf } from "../lock/lock";
import type { ManifestEntry } from "../manifest/entry";
import { humanBytes } from "../support/text/bytes";
import type { VersionRecord } from "../record/record";
import type { Comparison } from "./comparison";
import { atMost, changeText, filesText, packageLine, shown, sizeText } from "./text";

/** Facts for the notes besides the comparison. */
interface NotesFacts extends Pick<ManifestEntry, "status" | "createdAt" | "smoke"> {
  /** sandbox/NAME:TAG; for several workspaces with their names; "" if not deployed. */
  readonly images: string;
}

const PACKAGES_SHOWN = 40;

/**
 * Release notes in Markdown.
 * @param comparison with the previous version; undefined for the first one
 */
export function notesOf(
  record: VersionRecord,
  facts: NotesFacts,
  comparison: Comparison | undefined,
): string {
  const { lock, image } = record;
  return [
    `# ${record.id}`,
    `Mesa ${record.mesaVersion} on ${image.distribution || lock.base.repository}, ${humanBytes(image.sizeBytes)}. ${statusSentence(facts)}`,
    facts.images === "" ? "" : `Use it as ${facts.images.replace(/\S+:\S+/gu, "`$&`")}.`,
    ...(comparison === undefined ? ["This is the first version of this template."] : sinceThen(comparison)),
    list("Made from", [
      `Mesa \`${lock.deb.version}\` (${lock.deb.vouched.by === "signed" ? "signed index" : "first download"}), sha256 \`${lock.deb.sha256}\``,
      ...imagesOf(lock).map(([what, image]) => `${what} \`${imageReference(image)}\``),
      ...downloadsOf(lock).map(([what, { url, sha256 }]) => `${what} <${url}>, sha256 \`${sha256}\``),
      `${String(record.packages.length)} packages of the distribution`,
    ]),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function statusSentence({ status, smoke, createdAt }: NotesFacts): string {
  const skipped = smoke.skipped === 0 ? "" : `, ${String(smoke.skipped)} skipped`;
  return `Built ${createdAt.slice(0, 10)}, ${String(smoke.passed)} checks passed${skipped}, status: ${status}.`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `## ${title}\n\n${lines.join("\n")}`;
}

function list(title: string, items: readonly string[]): string {
  return section(
    title,
    items.map((item) => `- ${item}`),
  );
}

function sinceThen({ from, inputs, generation, rendered, built }: Comparison): readonly string[] {
  return [
    generation === null
      ? ""
      : list("The mount command changes", [
          `before: ${generation.from.forPeople}`,
          `now: ${generation.to.forPeople}`,
        ]),
    list(
      `Changed since ${from}`,
      inputs.map(({ name, from: before, to }) => `${name}: ${shown(before)} → **${shown(to)}**`),
    ),
    list("Packages", atMost((built?.packages ?? []).map(packageLine), PACKAGES_SHOWN)),
    built === null ? "" : list("Image", imageLines(built)),
    section(
      "Rendered files",
      rendered.map(({ file, patch }) =>
        [`<details><summary>${file}</summary>\n`, "```diff", patch.trimEnd(), "```", "\n</details>"].join(
          "\n",
        ),
      ),
    ),
  ];
}

function imageLines(built: NonNullable<Comparison["built"]>): readonly string[] {
  const { sizeBytes, files, environment, config } = built;
  return [
    sizeText(sizeBytes, " "),
    filesText(files),
    ...files.setuid.added.map((path) => `**${path} gained setuid or setgid**`),
    ...files.setuid.removed.map((path) => `${path} lost setuid or setgid`),
    ...[...environment, ...config].map(changeText),
  ];
}
