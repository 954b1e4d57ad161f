import type { Image } from "../../build/image";
import type { ManifestEntry } from "../../manifest/entry";
import { textsOf, type RenderedTemplate } from "../../render/rendered";
import type { Measured, Package, VersionRecord } from "../../record/record";
import type { Published } from "../../publish/published";
import { readRecord } from "../../record/store";
import type { SmokeReport } from "../../smoke/report";
import { isoTime } from "../../support/clock";
import type { Host } from "../../support/host";
import type { Run } from "../run";

export interface MeasureRequest {
  readonly root: string;
  readonly id: string;
  readonly revision: number;
  readonly image: Image;
  readonly smoke: SmokeReport;
  readonly createdBy: ManifestEntry["createdBy"];
}

/**
 * Measures a built and proven image and writes its record, SBOM and provenance beside the rendered files, unless they exist for this very
 * image. Warns of packages that differ from an earlier build with the same lock.
 * @throws Failure IMAGE_GONE (exit 3) if the image was removed since it was proven
 */
export async function measureVersion(
  run: Run,
  rendered: RenderedTemplate,
  facts: MeasureRequest,
): Promise<void> {
  const { template, mesaVersion, inputsDigest } = rendered;
  const { root, revision } = facts;
  const before = await readRecord(root, { template, mesaVersion, revision });
  if (before?.record.image.id === facts.image.id && before.record.inputsDigest === inputsDigest) return;
  const measured = await measure(run, rendered, facts);
  if (before?.record.inputsDigest === inputsDigest)
    warnOfOtherPackages(run.host, before.record, measured.record);
  await writeMeasured(run.host, root, facts.createdBy, measured);
}

/** What is known of a built image: all that its record holds. @throws Failure IMAGE_GONE (exit 3) */
export async function measure(
  run: Run,
  rendered: RenderedTemplate,
  facts: Pick<MeasureRequest, "id" | "revision" | "image"> & { readonly smoke: Pick<SmokeReport, "checks"> },
): Promise<Measured> {
  const [{ provenImage }, { measureImage }] = await Promise.all([
    import("../../docker/saved-image/index"),
    import("../../record/index"),
  ]);
  const { template, mesaVersion, inputsDigest, lock } = rendered;
  const engine = await run.engine();
  // The id, because the reference may name another image by now.
  const { id: configDigest, reference } = facts.image;
  const image = await provenImage(engine, { configDigest, reference });
  const held = await measureImage(engine, image);
  const { env, entrypoint, cmd, user, workdir, exposedPorts } = image.config;
  return {
    files: held.files,
    record: {
      schemaVersion: 1,
      id: facts.id,
      template,
      mesaVersion,
      revision: facts.revision,
      inputsDigest,
      image: {
        id: facts.image.id,
        sizeBytes: facts.image.sizeBytes,
        layers: facts.image.layers.map((layer) => ({ ...layer })),
        env: Object.fromEntries(env.map(nameAndValue)),
        entrypoint: [...entrypoint],
        cmd: [...cmd],
        user,
        workdir,
        ports: [...exposedPorts],
        distribution: held.distribution,
      },
      packages: [...held.packages],
      smoke: facts.smoke.checks.map(({ name, outcome, durationMs }) => ({ name, outcome, durationMs })),
      lock,
      rendered: textsOf(rendered.files),
    },
  };
}

/**
 * Adds the registry's digest of a proven image to the version's record, SBOM and provenance.
 * @throws Failure RECORD_BROKEN (exit 8)
 */
export async function recordPublished(
  host: Host,
  { template, mesaVersion }: RenderedTemplate,
  {
    root,
    revision,
    createdBy,
    published,
  }: Pick<MeasureRequest, "root" | "revision" | "createdBy"> & {
    readonly published: Published;
  },
): Promise<void> {
  const measured = await readRecord(root, { template, mesaVersion, revision });
  const { registry } = measured?.record.image ?? {};
  if (measured === undefined) return;
  if (registry?.digest === published.digest && registry.reference === published.reference) return;
  const { record, files } = measured;
  await writeMeasured(host, root, createdBy, {
    files,
    record: { ...record, image: { ...record.image, registry: { ...published } } },
  });
}

async function writeMeasured(
  host: Host,
  root: string,
  createdBy: MeasureRequest["createdBy"],
  measured: Measured,
): Promise<void> {
  const { provenanceOf, PROVENANCE_FILE, sbomOf, SBOM_FILE, writeRecord } =
    await import("../../record/index");
  const { VERSION } = await import("../../support/version");
  const sbom = await sbomOf(measured, VERSION);
  const provenance = provenanceOf(measured, sbom, {
    toolVersion: VERSION,
    finishedOn: isoTime(host.clock.now()),
    ...createdBy,
  });
  await writeRecord(root, measured, { [SBOM_FILE]: sbom, [PROVENANCE_FILE]: provenance });
}

function nameAndValue(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
}

/** Packages whose version is another one than before: "libc6 1 → 2". */
export function otherPackages(before: readonly Package[], now: readonly Package[]): readonly string[] {
  const was = new Map(before.map(({ name, version }) => [name, version]));
  return now
    .filter(({ name, version }) => was.get(name) !== version)
    .map(({ name, version }) => `${name} ${was.get(name) ?? "(none)"} → ${version}`);
}

/** The same lock should give the same packages; warns of those that the distribution changed. */
function warnOfOtherPackages(host: Host, before: VersionRecord, now: VersionRecord): void {
  const others = otherPackages(before.packages, now.packages);
  if (others.length === 0) return;
  host.emit({
    type: "warning",
    template: now.template,
    message: `the same lock installed other packages than before: ${others.slice(0, 8).join(", ")}. Pin them with [snapshot] in upstream.toml.`,
  });
}
