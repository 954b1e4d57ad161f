import { withBl } from "../blaxel/bl";
import { imageName } from "../build/index";
import { platformThrough } from "../blaxel/platform";
import type { Engine } from "../docker/index";
import { configDigestOf } from "../docker/saved-image/index";
import { isOfRegistry } from "../registry/reference";
import { changedDeb, changedDownloads, movedTags, readLock } from "../lock/index";
import type { Lock } from "../lock/lock";
import type { Manifest, ManifestEntry, VersionDeployment } from "../manifest/entry";
import { inWorkspace } from "../manifest/versions/in-workspace";
import { measureImage, readRecord } from "../record/index";
import { differences } from "../render/project-folder";
import { loadTemplate, renderTemplate } from "../render/index";
import { Failure, unlessFailed } from "../support/errors";
import type { Host } from "../support/host";
import { paths } from "../support/files/paths";
import { otherPackages } from "./stages/measure";
import { sourcesOf, type Run } from "./run";

/** The five comparisons. */
export const COMPARISONS = {
  "rendered-files": "rendered files against templates and lock",
  "upstream-tags": "lock against the tags of its images and its downloads",
  "mesa-package": "lock against Mesa's package repository",
  blaxel: "manifest against Blaxel",
  "local-images": "manifest against images on the engine",
} as const;

/** One comparison of one version. */
export interface DriftFinding {
  readonly comparison: keyof typeof COMPARISONS;
  readonly id: string;
  /** The differences, a sentence each. */
  readonly differs: readonly string[];
  /** Why the comparison could not run here. */
  readonly skipped?: string;
}

/**
 * Compares each version with its source and its deployment. Changes nothing. Without a needed engine or account, a comparison is skipped
 * with the reason; if a service does not respond, its error is thrown.
 */
export async function findDrift(
  run: Run,
  manifest: Manifest,
  entries: readonly ManifestEntry[],
): Promise<readonly DriftFinding[]> {
  const perEntry = await Promise.all(
    entries.map(async (entry) => {
      const lock = await lockOf(run, entry);
      const rendered = await renderedFiles(run, manifest, entry, lock);
      const [tags, deb] =
        lock === undefined ? [skipped(NO_LOCK), skipped(NO_LOCK)] : await againstUpstream(run, lock);
      return [
        { comparison: "rendered-files" as const, id: entry.id, ...rendered },
        { comparison: "upstream-tags" as const, id: entry.id, ...tags },
        { comparison: "mesa-package" as const, id: entry.id, ...deb },
      ];
    }),
  );
  const [blaxel, images] = await Promise.all([
    onBlaxel(run.host, manifest, entries),
    localImages(run, entries),
  ]);
  return [...perEntry.flat(), ...blaxel, ...images];
}

async function againstUpstream(run: Run, lock: Lock): Promise<readonly [tags: Found, deb: Found]> {
  const sources = await sourcesOf(run);
  const [tags, files, deb] = await Promise.all([
    movedTags(sources, lock),
    changedDownloads(sources, lock),
    changedDeb(sources, lock),
  ]);
  return [{ differs: [...tags, ...files] }, { differs: deb }];
}

type Found = Pick<DriftFinding, "differs" | "skipped">;

const NO_LOCK = "it has no lock";

function skipped(why: string): Found {
  return { differs: [], skipped: why };
}

function each(
  comparison: keyof typeof COMPARISONS,
  entries: readonly ManifestEntry[],
  compare: (entry: ManifestEntry) => Found | Promise<Found>,
): Promise<readonly DriftFinding[]> {
  return Promise.all(entries.map(async (entry) => ({ comparison, id: entry.id, ...(await compare(entry)) })));
}

/** A revision's own lock, from its record: the folder's lock belongs to the newest revision. */
async function lockOf({ root }: Run, entry: ManifestEntry): Promise<Lock | undefined> {
  const measured = await readRecord(root, entry);
  if (measured !== undefined) return measured.record.lock;
  return readLock(paths(root).lockFile(entry.template, entry.mesaVersion));
}

async function renderedFiles(
  { root }: Run,
  { versions }: Manifest,
  entry: ManifestEntry,
  lock: Lock | undefined,
): Promise<Found> {
  const hasNewer = Object.values(versions).some(
    ({ template, mesaVersion, revision }) =>
      template === entry.template && mesaVersion === entry.mesaVersion && revision > entry.revision,
  );
  if (hasNewer) return skipped("its folder belongs to a newer revision");
  if (lock === undefined) return { differs: [NO_LOCK] };
  try {
    const source = await unlessFailed("TEMPLATE_UNKNOWN", loadTemplate(root, entry.template));
    if (source === undefined) return skipped("its template's folder was removed");
    return { differs: await differences(root, renderTemplate(source, lock)) };
  } catch (error) {
    if (error instanceof Failure && error.code === "LOCK_LACKS_INPUT") return { differs: [error.message] };
    throw error;
  }
}

async function onBlaxel(
  host: Host,
  manifest: Manifest,
  entries: readonly ManifestEntry[],
): Promise<readonly DriftFinding[]> {
  const deployed = entries.filter(({ status }) => ["deployed", "verified", "failed"].includes(status));
  if (deployed.length === 0) return [];
  try {
    return await withBl(host, async (bl, { workspace }) => {
      const platform = platformThrough(bl);
      return each("blaxel", deployed, async (entry) => {
        const { deployment } = inWorkspace(entry, workspace);
        if (deployment === null) return skipped(`it is not deployed in the workspace ${workspace}`);
        const { sandbox: name, image } = deployment;
        const [tags, sandbox] = await Promise.all([platform.getImage(name), platform.getSandbox(name)]);
        // An image that Blaxel names by the registry's digest is not among its own tags.
        const tag = image.slice(image.lastIndexOf(":") + 1);
        const isHeld = isOfRegistry(image) || tags?.tags.some((one) => one.name === tag) === true;
        const runsAnother =
          sandbox !== undefined && isLatestIn(workspace, deployment, manifest) && sandbox.image !== image;
        const runs = sandbox?.image === "" ? "no image" : (sandbox?.image ?? "");
        return {
          differs: [
            ...(isHeld ? [] : [`Blaxel has no ${image}`]),
            ...(runsAnother ? [`the sandbox ${name} runs ${runs}, not ${image}`] : []),
          ],
        };
      });
    });
  } catch (error) {
    if (error instanceof Failure && ["BL_MISSING", "NO_BLAXEL_CREDENTIALS"].includes(error.code))
      return each("blaxel", deployed, () => skipped(error.message));
    throw error;
  }
}

/** Whether this is the latest version deployed to its sandbox. */
function isLatestIn(workspace: string, own: VersionDeployment, { versions }: Manifest): boolean {
  return !Object.values(versions).some((entry) => {
    const { deployment } = inWorkspace(entry, workspace);
    return deployment?.sandbox === own.sandbox && deployment.deployedAt > own.deployedAt;
  });
}

async function localImages(run: Run, entries: readonly ManifestEntry[]): Promise<readonly DriftFinding[]> {
  let engine: Engine;
  try {
    engine = await run.engine();
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "environment") throw error;
    return each("local-images", entries, () => skipped(error.message));
  }
  return each("local-images", entries, async (entry) => {
    const reference = imageName(entry);
    const image = await engine.image(reference);
    if (image === undefined) return skipped("it is not on this engine");
    const held = { id: image.id, reference };
    const configDigest = await configDigestOf(engine, held);
    if (configDigest === entry.image.id) return { differs: [] };
    const was = (await readRecord(run.root, entry))?.record.packages ?? [];
    const others = otherPackages(was, (await measureImage(engine, held)).packages);
    return {
      differs: [
        `${reference} is ${configDigest.slice(0, 19)}; recorded is ${entry.image.id.slice(0, 19)}`,
        ...(others.length === 0 ? [] : [`the same lock installed other packages: ${others.join(", ")}`]),
      ],
    };
  });
}
