import type { Image } from "../../build/image";
import { provenImage } from "../../docker/saved-image/index";
import { versionId, type ManifestEntry } from "../../manifest/entry";
import { textsOf, type RenderedTemplate } from "../../render/rendered";
import {
  measureImage,
  provenanceOf,
  PROVENANCE_FILE,
  readRecord,
  sbomOf,
  SBOM_FILE,
  writeRecord,
} from "../../record/index";
import type { Measured, Package, VersionRecord } from "../../record/record";
import type { Published } from "../../publish/published";
import type { SmokeReport } from "../../smoke/report";
import { isoTime } from "../../support/clock";
import type { Host } from "../../support/host";
import { VERSION } from "../../support/version";
import type { Run } from "../run";

export interface MeasureRequest {
  readonly revision: number;
  readonly image: Image;
  /** What smoke found. */
  readonly checks: SmokeReport["checks"];
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
  request: MeasureRequest,
): Promise<void> {
  const { template, mesaVersion, inputsDigest } = rendered;
  const { revision, image, createdBy } = request;
  const before = await readRecord(run.root, { template, mesaVersion, revision });
  const isOfTheseInputs = before?.record.inputsDigest === inputsDigest;
  if (isOfTheseInputs && before.record.image.id === image.id) return;
  const measured = await measure(run, rendered, request);
  if (isOfTheseInputs) warnOfOtherPackages(run.host, before.record, measured.record);
  await writeMeasured(run, createdBy, measured);
}

/** What is known of a built image: all that its record holds. @throws Failure IMAGE_GONE (exit 3) */
export async function measure(
  run: Run,
  rendered: RenderedTemplate,
  { revision, image: built, checks }: Omit<MeasureRequest, "createdBy">,
): Promise<Measured> {
  const { template, mesaVersion, inputsDigest, lock } = rendered;
  const engine = await run.engine();
  // The id, because the reference may name another image by now.
  const image = await provenImage(engine, { configDigest: built.id, reference: built.reference });
  const held = await measureImage(engine, image);
  const { env, entrypoint, cmd, user, workdir, exposedPorts } = image.config;
  return {
    files: held.files,
    record: {
      schemaVersion: 1,
      id: versionId(template, mesaVersion, revision),
      template,
      mesaVersion,
      revision,
      inputsDigest,
      image: {
        id: built.id,
        sizeBytes: built.sizeBytes,
        layers: built.layers.map((layer) => ({ ...layer })),
        env: Object.fromEntries(env.map(nameAndValue)),
        entrypoint: [...entrypoint],
        cmd: [...cmd],
        user,
        workdir,
        ports: [...exposedPorts],
        distribution: held.distribution,
      },
      packages: [...held.packages],
      smoke: checks.map(({ name, outcome, durationMs }) => ({ name, outcome, durationMs })),
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
  run: Run,
  { template, mesaVersion }: RenderedTemplate,
  { revision, createdBy }: Pick<MeasureRequest, "revision" | "createdBy">,
  published: Published,
): Promise<void> {
  const measured = await readRecord(run.root, { template, mesaVersion, revision });
  const { registry } = measured?.record.image ?? {};
  if (measured === undefined) return;
  if (registry?.digest === published.digest && registry.reference === published.reference) return;
  const { record, files } = measured;
  await writeMeasured(run, createdBy, {
    files,
    record: { ...record, image: { ...record.image, registry: { ...published } } },
  });
}

async function writeMeasured(
  { host, root }: Run,
  createdBy: MeasureRequest["createdBy"],
  measured: Measured,
): Promise<void> {
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
