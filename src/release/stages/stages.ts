import { join } from "node:path";
import type { Image } from "../../build/image";
import type { DeployRequest } from "../../deploy/deploy-context";
import type { Deployment } from "../../deploy/deployment";
import { pendingIn } from "../../deploy/sending/pending";
import type { Lock } from "../../lock/lock";
import type { PublishTarget } from "../../lock/upstream";
import type { ManifestEntry } from "../../manifest/entry";
import type { PublishRequest } from "../../publish/publish-image";
import type { Published } from "../../publish/published";
import type { Signer } from "../../publish/signer";
import type { ProvenTemplate, RenderedTemplate } from "../../render/rendered";
import type { TestFiles } from "../../smoke/index";
import type { SmokeReport } from "../../smoke/report";
import { paths } from "../../support/files/paths";
import { warnThatStays } from "../../support/processes/clean-up";
import type { Facts } from "../plan";
import type { BuildRequest, LockRequest, Target } from "../request";
import { once, type Run } from "../run";
import type { MeasureRequest } from "./measure";

type Progress = (message: string) => void;

interface PushRequest
  extends Omit<PublishRequest, "onProgress">, Pick<MeasureRequest, "revision" | "createdBy"> {}

interface DeployStage extends Pick<DeployRequest, "publish" | "adopt" | "force" | "timeoutMs" | "onSent"> {
  /** The image that Blaxel imports, and how; undefined: it builds from the source. */
  readonly published: { readonly image: Published; readonly target: PublishTarget } | undefined;
}

/** The stages of a release: each takes the previous value and returns the next. Tests pass their own. */
export type Stages = ReturnType<typeof realStages>;

/** The stages in one run; each room is loaded when its stage runs. */
export function realStages(run: Run) {
  const { host, root } = run;
  const folders = paths(root);
  /** Once is enough for all templates. */
  const removeLeftSandboxes = once(async () =>
    (await import("../../blaxel/leftovers")).removeLeftSandboxes(host),
  );

  /** Fails (exit 3) without bl or credentials, before any work starts. */
  async function checkDeployPossible(): Promise<void> {
    await (await import("../../deploy/index")).checkDeployPossible(host);
  }

  /** Removes what a killed release left on the engine, in Blaxel and in Mesa. Warns of what remains. */
  async function removeLeftovers({ template, version }: Target, deploy: boolean): Promise<void> {
    const [{ removeLeftImages }, { mesaFit }, { removeLeftInMesa }] = await Promise.all([
      import("../../build/leftovers"),
      import("../../mesa/access"),
      import("../../mesa/leftovers"),
    ]);
    const fromEngine = async (): Promise<void> => {
      await removeLeftImages(await run.engine(), { template, mesaVersion: version });
    };
    const { access } = mesaFit(host.env, version);
    await Promise.all([
      fromEngine().catch(warnThatStays(host, "what a killed run left on the engine", template)),
      deploy ? removeLeftSandboxes() : undefined,
      access === undefined ? undefined : removeLeftInMesa(host, access),
    ]);
  }

  /** Fails (exit 2) on an unreadable or invalid test file, before any work starts. */
  async function checkTestFiles(files: TestFiles): Promise<void> {
    await (await import("../../smoke/index")).readTestFiles(host, files);
  }

  /**
   * Checks that every release runs and that cannot run here, before any work starts. Fails (exit 3) if the Mesa credential does not suit
   * this version.
   */
  async function cannotRun({ structureTests }: TestFiles, request: LockRequest): Promise<Facts["cannotRun"]> {
    const [{ mesaFit }, { MOUNT_CHECK }, { hostDevices }, { structureTestsThatCannotRun }] =
      await Promise.all([
        import("../../mesa/access"),
        import("../../smoke/check"),
        import("../../docker/index"),
        import("../../smoke/structure-tests"),
      ]);
    const mesa = mesaFit(host.env, request.version);
    if (mesa.access === undefined && mesa.given) {
      // For a version that does not exist, that is the more useful error.
      await (await import("../lock")).resolveAgain(run, request);
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
  }

  /** Resolves the inputs again and writes the lock; keeps the existing one if nothing has changed. */
  async function lock(request: LockRequest): Promise<Lock> {
    const [{ writeLock }, { resolveAgain }] = await Promise.all([
      import("../../lock/index"),
      import("../lock"),
    ]);
    const resolved = await resolveAgain(run, request);
    if (resolved.lock !== resolved.previous)
      await writeLock(folders.lockFile(request.template, request.version), resolved.lock);
    return resolved.lock;
  }

  /**
   * Builds with today's inputs and packages, and compares files and packages with the record of `entry`. Writes and returns the lock of
   * that build, with the differences. If only times differ, writes nothing and returns undefined.
   */
  async function refresh(
    request: LockRequest & BuildRequest,
    entry: ManifestEntry | undefined,
    progress: Progress,
  ): Promise<{ readonly lock: Lock; readonly changed: string } | undefined> {
    const [{ refreshVersion }, { resolveAgain }] = await Promise.all([
      import("./refresh"),
      import("../lock"),
    ]);
    const { lock: inputs } = await resolveAgain(run, request);
    return refreshVersion(run, inputs, entry, (rendered) =>
      build(rendered, { ...request, force: true, scan: undefined }, progress),
    );
  }

  async function build(
    rendered: RenderedTemplate,
    { force, builder, scan }: BuildRequest,
    progress: Progress,
    known?: Image,
  ): Promise<{ readonly image: Image; readonly reused: boolean }> {
    const { buildImage } = await import("../../build/index");
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
      const { scanImage } = await import("../../build/scan");
      const { scanner, found } = await scanImage(host, engine.facts, image.reference, scan);
      progress(`${scanner}: ${String(found)} known vulnerabilities, none of severity ${scan} or more`);
    }
    return { image, reused };
  }

  async function smoke(
    rendered: RenderedTemplate,
    image: Image,
    files: TestFiles,
    onProgress: Progress,
  ): Promise<SmokeReport> {
    const { smokeImage } = await import("../../smoke/index");
    return smokeImage(host, await run.engine(), rendered, image, { onProgress, ...files });
  }

  /** Writes what was measured beside the rendered files, for diff, notes and the SBOM. */
  async function measure(rendered: RenderedTemplate, request: MeasureRequest): Promise<void> {
    await (await import("./measure")).measureVersion(run, rendered, request);
  }

  /** Pushes the proven image to the registry, and adds its digest to the version's record. */
  async function push(
    rendered: RenderedTemplate,
    request: PushRequest,
    onProgress: Progress,
  ): Promise<{ readonly published: Published; readonly reused: boolean }> {
    const [{ publishImage }, { recordPublished }] = await Promise.all([
      import("../../publish/publish-image"),
      import("./measure"),
    ]);
    const result = await publishImage(host, run.engine, { ...request, onProgress });
    await recordPublished(run, rendered, request, result.published);
    return result;
  }

  /** Signs provenance and SBOM and attaches them to the published image. */
  async function sign(
    { template, mesaVersion }: RenderedTemplate,
    revision: number,
    published: Published,
    signer: Signer,
  ): Promise<void> {
    const [{ attest }, { PROVENANCE_FILE, SBOM_FILE }] = await Promise.all([
      import("../../publish/attestations"),
      import("../../record/index"),
    ]);
    const folder = folders.record({ template, mesaVersion, revision });
    const records = { provenance: join(folder, PROVENANCE_FILE), sbom: join(folder, SBOM_FILE) };
    await attest(host, records, published, signer);
  }

  async function deploy(
    rendered: RenderedTemplate,
    { published, ...request }: DeployStage,
    onProgress: Progress,
  ): Promise<Deployment> {
    const [{ deployTemplate }, { readManifest }, { blaxelCredentials }] = await Promise.all([
      import("../../deploy/index"),
      import("../../manifest/index"),
      import("../../blaxel/credentials"),
    ]);
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
    const { confirmPublished, importSource } = await import("../../publish/publish-image");
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
  }

  async function verify(
    rendered: ProvenTemplate,
    deployment: Deployment,
    checkFiles: readonly string[],
    onProgress: Progress,
  ): Promise<SmokeReport> {
    const [{ verifyDeployment }, { checkContext, needsOf, readTestFiles, runChecks, smokeChecks }] =
      await Promise.all([import("../../deploy/index"), import("../../smoke/index")]);
    const { checks } = await readTestFiles(host, { checks: checkFiles });
    const context = checkContext(host, rendered, {});
    return verifyDeployment(host, rendered, deployment, {
      onProgress,
      removeLeftSandboxes,
      ports: needsOf(checks).ports,
      prove: (subject) => runChecks(host, rendered.template, smokeChecks(host, checks), { subject }, context),
    });
  }

  return {
    checkDeployPossible,
    removeLeftovers,
    checkTestFiles,
    cannotRun,
    lock,
    refresh,
    build,
    smoke,
    measure,
    push,
    sign,
    deploy,
    verify,
  };
}
