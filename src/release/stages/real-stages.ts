import { join } from "node:path";
import { PENDING } from "../../deploy/sending/pending";
import { warnThatStays } from "../../support/processes/clean-up";
import { paths } from "../../support/files/paths";
import { once, type Run } from "../run";
import type { Stages } from "./stages";

/** The real stages; each room is loaded when its stage runs. */
export function realStages(run: Run): Stages {
  const { host } = run;
  /** Once is enough for all templates. */
  const removeLeftSandboxes = once(async () =>
    (await import("../../blaxel/leftovers")).removeLeftSandboxes(host),
  );
  const stages: Stages = {
    async checkDeployPossible() {
      const { checkDeployPossible } = await import("../../deploy/index");
      await checkDeployPossible(host);
    },
    async removeLeftovers({ template, version, deploy }) {
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
    },
    async checkTestFiles(files) {
      const { readTestFiles } = await import("../../smoke/index");
      await readTestFiles(host, files);
    },
    async cannotRun({ structureTests }, request) {
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
    },
    async lock(request) {
      const [{ writeLock }, { resolveAgain }] = await Promise.all([
        import("../../lock/index"),
        import("../lock"),
      ]);
      const { lock, previous } = await resolveAgain(run, request);
      if (lock !== previous)
        await writeLock(paths(request.root).lockFile(request.template, request.version), lock);
      return lock;
    },
    async refresh(request, progress) {
      const [{ refreshVersion }, { resolveAgain }] = await Promise.all([
        import("./refresh"),
        import("../lock"),
      ]);
      const { lock } = await resolveAgain(run, request);
      return refreshVersion(run, request, lock, (rendered) =>
        stages.build(rendered, { ...request, force: true, scan: undefined }, progress),
      );
    },
    async build(rendered, request, progress) {
      const { buildImage } = await import("../../build/index");
      const upstream = await run.upstream();
      const engine = await run.engine();
      let reused = true;
      const image = await buildImage(host, engine, rendered, {
        mirrors: upstream.mirrors,
        force: request.force,
        builder: request.builder,
        logFile: paths(request.root).log(rendered.template, rendered.mesaVersion, "build"),
        onProgress: (message) => {
          reused = false;
          progress(message);
        },
      });
      if (request.scan !== undefined) {
        const { scanImage } = await import("../../build/scan");
        const { scanner, found } = await scanImage(host, image.reference, request.scan);
        progress(
          `${scanner}: ${String(found)} known vulnerabilities, none of severity ${request.scan} or more`,
        );
      }
      return { image, reused };
    },
    async smoke(rendered, image, files, progress) {
      const { smokeImage } = await import("../../smoke/index");
      return smokeImage(host, await run.engine(), rendered, image, {
        onProgress: progress,
        ...files,
      });
    },
    async push(rendered, { root, revision, createdBy, ...request }, progress) {
      const [{ publishImage }, { recordPublished }] = await Promise.all([
        import("../../publish/publish-image"),
        import("./measure"),
      ]);
      const result = await publishImage(host, run.engine, { ...request, onProgress: progress });
      await recordPublished(host, rendered, { root, revision, createdBy, published: result.published });
      return result;
    },
    async sign({ template, mesaVersion }, { root, revision, published, signer }) {
      const [{ attest }, { PROVENANCE_FILE, SBOM_FILE }] = await Promise.all([
        import("../../publish/attestations"),
        import("../../record/index"),
      ]);
      const folder = paths(root).record({ template, mesaVersion, revision });
      const records = { provenance: join(folder, PROVENANCE_FILE), sbom: join(folder, SBOM_FILE) };
      await attest(host, records, published, signer);
    },
    async deploy(rendered, { root, deployTimeoutMs, published, ...request }, progress) {
      const [{ deployTemplate }, { readManifest }, { blaxelCredentials }] = await Promise.all([
        import("../../deploy/index"),
        import("../../manifest/index"),
        import("../../blaxel/credentials"),
      ]);
      const { template, inputsDigest } = rendered;
      const [manifest, { workspace }] = [
        await readManifest(paths(root).manifest),
        await blaxelCredentials(host),
      ];
      // Other workspaces say nothing about this one's sandboxes.
      const here = Object.values(manifest.versions).flatMap((entry) => {
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
        timeoutMs: deployTimeoutMs,
        knownSandboxes: here.map(({ deployment }) => deployment),
        knownImage: here.find(
          ({ entry, deployment }) =>
            entry.inputsDigest === inputsDigest && deployment.registryDigest === source?.digest,
        )?.deployment.image,
        pendingFile: paths(root).stageResult(template, inputsDigest, PENDING),
        onProgress: progress,
      });
    },
    async verify(rendered, deployment, checkFiles, progress) {
      const [{ verifyDeployment }, { checkContext, needsOf, readTestFiles, runChecks, smokeChecks }] =
        await Promise.all([import("../../deploy/index"), import("../../smoke/index")]);
      const { checks } = await readTestFiles(host, { checks: checkFiles });
      return verifyDeployment(host, rendered, deployment, {
        onProgress: progress,
        removeLeftSandboxes,
        ports: needsOf(checks).ports,
        prove: (subject) =>
          runChecks(
            host,
            rendered.template,
            smokeChecks(host, checks),
            { subject },
            checkContext(host, rendered, {}),
          ),
      });
    },
    async measure(rendered, request) {
      const { measureVersion } = await import("./measure");
      await measureVersion(run, rendered, request);
    },
  };
  return stages;
}
