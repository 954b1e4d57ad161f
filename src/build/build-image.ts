import { followBuild, type BuildEnding, type Engine } from "../docker/index";
import type { RenderedTemplate } from "../render/rendered";
import { messageOf } from "../support/errors";
import { RUN_LABEL, VERSION_LABEL, type Host } from "../support/host";
import { buildFailure } from "./build-failure";
import { openBuildLog } from "./build-log";
import { buildWithBuildx } from "./buildx";
import { builtImage, imageTag, INPUTS_LABEL } from "./built-image";
import { contextTar } from "./context";
import { PLATFORM, pullBases, pulledReference } from "./fetch-bases";
import type { Image } from "./image";
import { removeIntermediate, replacing, versionLabel } from "./leftovers";

/** After this time without output, a build counts as hung, in ms. */
const SILENCE_MS = 600_000;

/** Time limit for a build on a buildx builder, in ms. */
const BUILDX_MS = 3_600_000;

export interface BuildOptions {
  readonly mirrors: {
    readonly images?: string | undefined;
    readonly packages?: string | undefined;
    readonly downloads?: string | undefined;
  };
  readonly force?: boolean;
  /** A buildx builder to build on; "classic" and "buildkit" are the engine's own. */
  readonly builder?: string | undefined;
  /** File for the whole log. */
  readonly logFile?: string;
  readonly onProgress?: (message: string) => void;
}

/**
 * How a Docker Engine with the containerd image store reports that its BuildKit lost a build's files:
 * https://github.com/moby/moby/issues/47717.
 */
const LOST_CONTEXT = /failed to read downloaded context/u;

/** The engine's own builders; any other name is one of buildx. */
const OWN_BUILDERS = ["classic", "buildkit"];

/** The named buildx builder (--builder, MESA_TEMPLATE_BUILDER), else BuildKit if the engine has it and "classic" is not requested. */
function builderFor(engine: Engine, env: Host["env"], named?: string): Image["builder"] {
  const asked = named ?? env["MESA_TEMPLATE_BUILDER"] ?? "";
  if (asked !== "" && !OWN_BUILDERS.includes(asked)) return "buildx";
  return engine.facts.buildKit && asked !== "classic" ? "buildkit" : "classic";
}

/**
 * Builds the image of a rendered template for linux/amd64, or returns the one already built from the same inputs.
 * @throws Failure BUILD_FAILED and related codes (exit 5) with the failing step and its last lines; ENGINE_GONE (exit 3)
 */
export async function buildImage(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  options: BuildOptions,
): Promise<Image> {
  const { repo, tag } = imageTag(rendered);
  const reference = `${repo}:${tag}`;
  const mirror = options.mirrors.images ?? "";
  const base = pulledReference(mirror, rendered.lock.base);
  const builder = builderFor(engine, host.env, options.builder);
  if (options.force !== true) {
    const before = await builtImage(engine, rendered, base, builder);
    if (before !== undefined) return before;
  }
  options.onProgress?.(`${engine.facts.name} ${engine.facts.version}, ${builder}`);
  await pullBases(host, engine, rendered, mirror);
  return replacing(host, engine, rendered.template, { repo, tag }, () =>
    buildAnew(host, engine, rendered, { ...options, reference, mirror, with: builder }, base),
  );
}

/** Builds the image, whatever is there already. */
async function buildAnew(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  wanted: Run,
  base: string,
): Promise<Image> {
  const { reference } = wanted;
  let builder = wanted.with;
  let ending = await run(host, engine, rendered, wanted);
  if (!ending.ok && builder === "buildkit" && LOST_CONTEXT.test(ending.message)) {
    builder = "classic";
    const { template } = rendered;
    const message = `BuildKit of ${engine.facts.name} ${engine.facts.version} does not take files over the API with this image store: the classic builder is used`;
    host.emit({ type: "warning", template, message });
    ending = await run(host, engine, rendered, { ...wanted, with: builder });
  }
  if (builder === "classic")
    await removeIntermediate(engine, ending.made, ending.ok ? await engine.lineage(reference) : []);
  if (!ending.ok) {
    // An engine that is shut down fails its builds first; the real cause is that it no longer responds.
    await engine.image(reference);
    const lines = ending.lines.map((line) => host.redact(line));
    throw buildFailure(rendered.template, { ...ending, lines });
  }
  const image = await builtImage(engine, rendered, base, builder);
  if (image !== undefined) return image;
  const message = `the engine ended the build without an image ${reference}`;
  throw buildFailure(rendered.template, { message, step: undefined, lines: [] });
}

interface Run extends BuildOptions {
  readonly reference: string;
  readonly with: Image["builder"];
  readonly mirror: string;
}

async function run(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  { reference, with: builder, builder: named, mirror, mirrors, force, logFile, onProgress }: Run,
): Promise<BuildEnding> {
  const log = await openBuildLog(logFile, host.redact);
  const request = {
    tag: reference,
    platform: PLATFORM,
    labels: {
      [RUN_LABEL]: host.runId,
      [INPUTS_LABEL]: rendered.inputsDigest,
      [VERSION_LABEL]: versionLabel(rendered),
    },
    buildArgs: {
      MIRROR: mirror,
      DEB_MIRROR: (mirrors.packages ?? "").replace(/\/$/u, ""),
      ...(rendered.lock.downloads === undefined ? {} : { DOWNLOAD_MIRROR: mirrors.downloads ?? "" }),
    },
    noCache: force === true,
  };
  const listener = {
    onLine: (line: string) => {
      log.line(line);
    },
    onStep: (step: string) => {
      if (!step.startsWith("[internal]")) onProgress?.(step.slice(0, 100));
    },
  };
  try {
    const ending =
      builder === "buildx"
        ? await buildWithBuildx(host, {
            ...request,
            ...listener,
            template: rendered.template,
            builder: named ?? host.env["MESA_TEMPLATE_BUILDER"] ?? "",
            files: rendered.files,
            timeoutMs: BUILDX_MS,
          })
        : await followBuild(
            await engine.build({
              ...request,
              context: contextTar(rendered.files),
              builder,
              signal: host.signal,
            }),
            { signal: host.signal, silenceMs: SILENCE_MS },
            listener,
          );
    if (!ending.ok) log.line(ending.message);
    return ending;
  } catch (error) {
    host.signal.throwIfAborted();
    log.line(messageOf(error));
    throw error;
  } finally {
    await log.close();
  }
}
