import { join } from "node:path";
import { blaxelCredentials } from "../../blaxel/credentials";
import { removeLeftSandboxes } from "../../blaxel/sandboxes";
import type { Image } from "../../build/image";
import { buildImage } from "../../build/index";
import { removeLeftImages } from "../../build/leftovers";
import { scanImage } from "../../build/scan";
import type { DeployRequest } from "../../deploy/deploy-context";
import type { Deployment } from "../../deploy/deployment";
import { checkDeployPossible, deployTemplate, verifyDeployment } from "../../deploy/index";
import { pendingIn } from "../../deploy/sending/pending";
import { hostDevices } from "../../docker/index";
import { sealed, writeLock } from "../../lock/index";
import type { Lock } from "../../lock/lock";
import type { PublishTarget } from "../../lock/upstream";
import type { ManifestEntry } from "../../manifest/entry";
import { readManifest } from "../../manifest/index";
import { mesaFit } from "../../mesa/access";
import { removeLeftInMesa } from "../../mesa/leftovers";
import { attest } from "../../publish/attestations";
import {
  confirmPublished,
  importSource,
  publishImage,
  type PublishRequest,
} from "../../publish/publish-image";
import type { Published } from "../../publish/published";
import type { Signer } from "../../publish/signer";
import { PROVENANCE_FILE, SBOM_FILE } from "../../record/index";
import { recordOfImage } from "../../record/store";
import { loadTemplate, renderTemplate } from "../../render/index";
import type { ProvenTemplate, RenderedTemplate } from "../../render/rendered";
import { MOUNT_CHECK } from "../../smoke/check";
import {
  checkContext,
  needsOf,
  readTestFiles,
  runChecks,
  smokeChecks,
  smokeImage,
  type TestFiles,
} from "../../smoke/index";
import type { SmokeReport } from "../../smoke/report";
import { structureTestsThatCannotRun } from "../../smoke/structure-tests";
import { isoTime } from "../../support/clock";
import { paths } from "../../support/files/paths";
import { warnThatStays } from "../../support/processes/clean-up";
import { lockAgain, resolveAgain } from "../lock";
import type { CannotRun } from "../proof/refuse-unproven";
import type { BuildRequest, LockRequest, Target } from "../request";
import { once, type Run } from "../run";
import { measure, measureVersion, recordPublished, type MeasureRequest } from "./measure";
import { whatIsNew } from "./refresh";

type Progress = (message: string) => void;

interface PushRequest
  extends Omit<PublishRequest, "onProgress">, Pick<MeasureRequest, "revision" | "createdBy"> {}

interface DeployStage extends Pick<DeployRequest, "publish" | "adopt" | "force" | "timeoutMs" | "onSent"> {
  /** The image that Blaxel imports, and how; undefined: it builds from the source. */
  readonly published: { readonly image: Published; readonly target: PublishTarget } | undefined;
}

/** The stages of a release: each takes the previous value and returns the next. Tests pass their own. */
export type Stages = ReturnType<typeof realStages>;

/** The stages in one run. A run with nothing to do does not load this file, which names every room. */
export function realStages(run: Run) {
  const { host, root } = run;
  const folders = paths(root);
  /** Once is enough for all templates. */
  const removeSandboxes = once(() => removeLeftSandboxes(host));

  const stages = {
    /** Fails (exit 3) without bl or credentials, before any work starts. */
    checkDeployPossible: () => checkDeployPossible(host),

    /** Removes what a killed release left on the engine, in Blaxel and in Mesa. Warns of what remains. */
    async removeLeftovers({ template, version }: Target, deploy: boolean): Promise<void> {
      const fromEngine = async (): Promise<void> => {
        await removeLeftImages(await run.engine(), { template, mesaVersion: version });
      };
      const { access } = mesaFit(host.env, version);
      await Promise.all([
        fromEngine().catch(warnThatStays(host, "what a killed run left on the engine", template)),
        deploy ? removeSandboxes() : undefined,
        access === undefined ? undefined : removeLeftInMesa(host, access),
      ]);
    },

    /** Fails (exit 2) on an unreadable or invalid test file, before any work starts. */
    async checkTestFiles(files: TestFiles): Promise<void> {
      await readTestFiles(host, files);
    },

    /**
     * Checks that every release runs and that cannot run here, before any work starts. Fails (exit 3) if the Mesa credential does not suit
     * this version.
     */
    async cannotRun({ structureTests }: TestFiles, request: LockRequest): Promise<readonly CannotRun[]> {
      const mesa = mesaFit(host.env, request.version);
      if (mesa.access === undefined && mesa.given) {
        // For a version that does not exist, that is the more useful error.
        await resolveAgain(run, request);
        throw mesa.failure;
      }
      const engine = await run.engine();
      const unrun = await structureTestsThatCannotRun(host, engine, structureTests);
      if (mesa.access === undefined)
        return [{ check: MOUNT_CHECK, why: `${mesa.failure.message} ${mesa.failure.hint ?? ""}` }, ...unrun];
      const devices = await hostDevices(host, engine, ["/dev/fuse"]);
      return devices["/dev/fuse"] === undefined
        ? [{ check: MOUNT_CHECK, why: "the engine's machine has no /dev/fuse" }, ...unrun]
        : unrun;
    },

    /** Resolves the inputs again and writes the lock; keeps the existing one if nothing has changed. */
    lock: async (request: LockRequest) => (await lockAgain(run, request)).lock,

    /**
     * Builds with today's inputs and packages, and compares files and packages with the record of `entry`. Writes and returns the lock of
     * that build, with the differences. If only times differ, writes nothing and returns undefined.
     */
    async refresh(
      request: LockRequest & BuildRequest,
      entry: ManifestEntry | undefined,
      progress: Progress,
    ): Promise<{ readonly lock: Lock; readonly changed: string } | undefined> {
      const { lock: inputs } = await resolveAgain(run, request);
      // The new time makes another lock, and so another revision, even if only packages changed.
      const lock = sealed({ ...inputs, lockedAt: isoTime(host.clock.now()) });
      const rendered = renderTemplate(await loadTemplate(root, request.template), lock);
      const { image } = await stages.build(rendered, { ...request, force: true, scan: undefined }, progress);
      const before = entry === undefined ? undefined : await recordOfImage(root, entry);
      let changed = "there is no record to compare with";
      if (before !== undefined) {
        const { revision } = before.record;
        changed = whatIsNew(before, await measure(run, rendered, { revision, image, checks: [] }));
      }
      if (changed === "") {
        await (await run.engine()).removeImage(image.reference);
        return undefined;
      }
      await writeLock(folders.lockFile(request.template, request.version), lock);
      return { lock, changed };
    },

    async build(
      rendered: RenderedTemplate,
      { force, builder, scan }: BuildRequest,
      progress: Progress,
      known?: Image,
    ): Promise<{ readonly image: Image; readonly reused: boolean }> {
      const { mirrors } = await run.upstream();
      const engine = await run.engine();
      let reused = true;
      const image = await buildImage(host, engine, rendered, {
        mirrors,
        force,
        known,
        builder,
        logFile: folders.log(rendered.template, rendered.mesaVersion, "build"),
        onProgress: (message) => {
          reused = false;
          progress(message);
        },
      });
      if (scan !== undefined) {
        const { scanner, found } = await scanImage(host, engine.facts, image.reference, scan);
        progress(`${scanner}: ${String(found)} known vulnerabilities, none of severity ${scan} or more`);
      }
      return { image, reused };
    },

    smoke: async (rendered: RenderedTemplate, image: Image, files: TestFiles, onProgress: Progress) =>
      smokeImage(host, await run.engine(), rendered, image, { onProgress, ...files }),

    /** Writes what was measured beside the rendered files, for diff, notes and the SBOM. */
    measure: (rendered: RenderedTemplate, request: MeasureRequest) => measureVersion(run, rendered, request),

    /** Pushes the proven image to the registry, and adds its digest to the version's record. */
    async push(rendered: RenderedTemplate, request: PushRequest, onProgress: Progress) {
      const result = await publishImage(host, run.engine, { ...request, onProgress });
      await recordPublished(run, rendered, request, result.published);
      return result;
    },

    /** Signs provenance and SBOM and attaches them to the published image. */
    async sign(
      { template, mesaVersion }: RenderedTemplate,
      revision: number,
      published: Published,
      signer: Signer,
    ): Promise<void> {
      const folder = folders.record({ template, mesaVersion, revision });
      const records = { provenance: join(folder, PROVENANCE_FILE), sbom: join(folder, SBOM_FILE) };
      await attest(host, records, published, signer);
    },

    async deploy(
      rendered: RenderedTemplate,
      { published, ...request }: DeployStage,
      onProgress: Progress,
    ): Promise<Deployment> {
      const { template, inputsDigest } = rendered;
      const { versions } = await readManifest(folders.manifest);
      const { workspace } = await blaxelCredentials(host);
      // Other workspaces say nothing about this one's sandboxes.
      const here = Object.values(versions).flatMap((entry) => {
        const deployment = Object.hasOwn(entry.deployments, workspace)
          ? entry.deployments[workspace]
          : undefined;
        return deployment === undefined || entry.template !== template ? [] : [{ entry, deployment }];
      });
      if (published !== undefined) await confirmPublished(host, published.image);
      const source = published && (await importSource(host, published.image, published.target));
      return deployTemplate(host, rendered, {
        ...request,
        source,
        knownSandboxes: here.map(({ deployment }) => deployment),
        knownImage: here.find(
          ({ entry, deployment }) =>
            entry.inputsDigest === inputsDigest && deployment.registryDigest === source?.digest,
        )?.deployment.image,
        pendingFile: folders.stageResult(template, inputsDigest, pendingIn(workspace)),
        onProgress,
      });
    },

    async verify(
      rendered: ProvenTemplate,
      deployment: Deployment,
      checkFiles: readonly string[],
      onProgress: Progress,
    ): Promise<SmokeReport> {
      const { checks } = await readTestFiles(host, { checks: checkFiles });
      const all = smokeChecks(host, checks);
      const context = checkContext(host, rendered, {});
      return verifyDeployment(host, rendered, deployment, {
        onProgress,
        removeLeftSandboxes: removeSandboxes,
        ports: needsOf(checks).ports,
        prove: (subject) => runChecks(host, rendered.template, all, { subject }, context),
      });
    },
  };
  return stages;
}
