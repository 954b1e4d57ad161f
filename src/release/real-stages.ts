import type { Lock } from "../lock/lock";
import type { TemplateSource } from "../render/index";
import type { RenderedTemplate } from "../render/rendered";
import { readIfPresent } from "../support/files";
import { RUN_LABEL } from "../support/host";
import type { ReleaseRequest } from "./request";
import type { Stages } from "./stages";
import { testFilesOf } from "./test-files";
import { paths } from "../support/paths";

/** The stages as they are; each room is loaded when its stage runs. */
export const realStages: Stages = {
  async checkDeployPossible(host) {
    const { checkDeployPossible } = await import("../deploy/index");
    await checkDeployPossible(host);
  },
  async removeAbandoned(host, runs) {
    const { connectEngine } = await import("../docker/index");
    const engine = await connectEngine(host);
    for (const run of runs)
      for (const { id } of await engine.containers([`${RUN_LABEL}=${run}`])) await engine.removeContainer(id);
  },
  async checkTestFiles(request, template) {
    const { readTestFiles } = await import("../smoke/index");
    await readTestFiles(testFilesOf(request, template));
  },
  async lock(host, request, template) {
    const [{ readLock, resolveLock, loadUpstream, writeLock }, { loadTemplate }] = await Promise.all([
      import("../lock/index"),
      import("../render/index"),
    ]);
    const folders = paths(request.root);
    const path = folders.lockFile(template, request.version);
    const source = await loadTemplate(request.root, template);
    if (request.frozen === true) return { lock: await frozenLock(request, source, path), reused: true };
    const previous = await readLock(path);
    if (previous !== undefined && !request.relock) return { lock: previous, reused: true };
    const upstream = await loadUpstream(request.upstreamPath);
    const lock = await resolveLock(host, {
      template,
      settings: source.settings,
      mesaVersion: request.version,
      upstream,
      cacheDir: folders.cache,
      previous,
      trustKey: request.trustKey,
    });
    await writeLock(path, lock);
    return { lock, reused: false };
  },
  async render(_host, request, template, lock) {
    const { loadTemplate, renderTemplate, writeRendered } = await import("../render/index");
    const rendered = renderTemplate(await loadTemplate(request.root, template), lock);
    await writeRendered(request.root, rendered);
    return rendered;
  },
  async build(host, request, rendered, progress) {
    const [{ connectEngine }, { buildImage }, { loadUpstream }] = await Promise.all([
      import("../docker/index"),
      import("../build/index"),
      import("../lock/index"),
    ]);
    const upstream = await loadUpstream(request.upstreamPath);
    const engine = await connectEngine(host);
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
      const { scanImage } = await import("../build/scan");
      const { scanner, found } = await scanImage(host, image.reference, request.scan);
      progress(
        `${scanner}: ${String(found)} known vulnerabilities, none of severity ${request.scan} or more`,
      );
    }
    return { image, reused };
  },
  async smoke(host, request, rendered, image, progress) {
    const [{ connectEngine }, { smokeImage }] = await Promise.all([
      import("../docker/index"),
      import("../smoke/index"),
    ]);
    return smokeImage(host, await connectEngine(host), rendered, image, {
      onProgress: progress,
      ...testFilesOf(request, rendered.template),
    });
  },
  async deploy(host, request, rendered, id, progress, onSent) {
    const [{ deployTemplate }, { readManifest, inWorkspace }, { workspaceInUse }] = await Promise.all([
      import("../deploy/index"),
      import("../manifest/index"),
      import("../blaxel/credentials"),
    ]);
    const workspace = await workspaceInUse(host);
    const manifest = await readManifest(paths(request.root).manifest);
    const earlier = Object.values(manifest.versions).filter((entry) => entry.template === rendered.template);
    const same = earlier.find((entry) => entry.inputsDigest === rendered.inputsDigest);
    return deployTemplate(host, rendered, {
      id,
      knownSandboxes: earlier.flatMap(({ deployments }) =>
        Object.values(deployments).filter((one) => one.workspace === workspace),
      ),
      knownImage: same === undefined ? undefined : inWorkspace(same, workspace).deployment?.image,
      publish: request.publish,
      adopt: request.adopt,
      force: request.force,
      timeoutMs: request.deployTimeoutMs,
      pendingFile: paths(request.root).stageResult(
        rendered.template,
        rendered.inputsDigest,
        "deploy-pending",
      ),
      onProgress: progress,
      onSent,
    });
  },
  async verify(host, request, rendered, deployment, progress) {
    const [{ verifyDeployment }, { askedPorts, checkContext, readTestFiles, runChecks, smokeChecks }] =
      await Promise.all([import("../deploy/index"), import("../smoke/index")]);
    const { checks } = await readTestFiles({ checks: testFilesOf(request, rendered.template).checks });
    return verifyDeployment(host, rendered, deployment, {
      onProgress: progress,
      ports: askedPorts(checks),
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
  async measure(host, request, rendered, facts) {
    const { measureVersion } = await import("./measure");
    await measureVersion(host, request, rendered, facts);
  },
};

/** The lock that is there, having seen that it is what it should be; nobody is asked. @throws Failure LOCK_CHECK_FAILED (exit 2) */
async function frozenLock(request: ReleaseRequest, source: TemplateSource, path: string): Promise<Lock> {
  const { checkLock, loadUpstream, lockCheckFailed, parseLock } = await import("../lock/index");
  const text = (await readIfPresent(path))?.toString("utf8");
  const expected = {
    template: source.name,
    mesaVersion: request.version,
    settings: source.settings,
    upstream: await loadUpstream(request.upstreamPath),
    path,
  };
  const problems = checkLock(text, expected);
  if (text === undefined || problems.length > 0)
    throw lockCheckFailed(request.version, [{ template: source.name, problems }]);
  return parseLock(text, path);
}

/** What a template renders to with the lock it has; undefined when it has none. */
export async function renderedFromLock(
  request: ReleaseRequest,
  template: string,
): Promise<RenderedTemplate | undefined> {
  const [{ readLock }, { loadTemplate, renderTemplate }] = await Promise.all([
    import("../lock/index"),
    import("../render/index"),
  ]);
  const lock = await readLock(paths(request.root).lockFile(template, request.version));
  return lock === undefined ? undefined : renderTemplate(await loadTemplate(request.root, template), lock);
}
