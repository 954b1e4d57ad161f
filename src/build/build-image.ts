import { pack } from "tar-stream";
import { proxyArguments, type BuildRequest, type Engine } from "../docker/index";
import type { Upstream } from "../lock/upstream";
import { foldersOf, type RenderedFile, type RenderedTemplate } from "../render/rendered";
import { RUN_LABEL, VERSION_LABEL, type Host } from "../support/host";
import { buildFailure } from "./build-failure";
import { logged } from "./build-log";
import { buildWithBuildx } from "./buildx";
import { builtImage, imageName, INPUTS_LABEL } from "./built-image";
import { pullBases, pulledReference } from "./fetch-bases";
import type { Image } from "./image";
import { removeIntermediate, replacing, versionLabel } from "./leftovers";

export interface BuildOptions {
  readonly mirrors: Upstream["mirrors"];
  readonly force?: boolean;
  /** What an earlier run found out about the image of these inputs. */
  readonly known?: Image | undefined;
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
const OWN_BUILDERS = ["", "classic", "buildkit"];

/** The named buildx builder (--builder, MESA_TEMPLATE_BUILDER), else BuildKit if the engine has it and "classic" is not requested. */
function builderFor({ facts }: Engine, named: string): Image["builder"] {
  if (!OWN_BUILDERS.includes(named)) return "buildx";
  return facts.buildKit && named !== "classic" ? "buildkit" : "classic";
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
  const mirror = options.mirrors.images ?? "";
  const named = options.builder ?? host.env["MESA_TEMPLATE_BUILDER"] ?? "";
  const builder = builderFor(engine, named);
  const built = (by: Image["builder"]): Promise<Image | undefined> =>
    builtImage(engine, rendered, pulledReference(mirror, rendered.lock.base), by, options.known);
  const before = options.force === true ? undefined : await built(builder);
  if (before !== undefined) return before;
  options.onProgress?.(`${engine.facts.name} ${engine.facts.version}, ${builder}`);
  await pullBases(host, engine, rendered, mirror);
  return replacing(host, engine, rendered, async () => {
    const image = await built(await buildAnew(host, engine, rendered, options, builder, named));
    if (image !== undefined) return image;
    const message = `the engine ended the build without an image ${imageName(rendered)}`;
    throw buildFailure(rendered.template, { message, step: undefined, lines: [] });
  });
}

/** Builds the image, whatever is there already. Returns the builder that made it. */
async function buildAnew(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  options: BuildOptions,
  builder: Image["builder"],
  named: string,
): Promise<Image["builder"]> {
  const { template } = rendered;
  const request = requestFor(host, rendered, options);
  const ending = await logged(host, options.logFile, (onLine) =>
    builder === "buildx"
      ? buildWithBuildx(host, rendered, named, { ...request, onLine })
      : engine.build({
          ...request,
          buildArgs: { ...proxyArguments(host, engine.facts.address), ...request.buildArgs },
          onLine,
          context: contextTar(rendered.files),
          builder,
        }),
  );
  if (builder === "classic") await removeIntermediate(engine, ending, request.tag);
  if (ending.ok) return builder;
  if (builder === "buildkit" && LOST_CONTEXT.test(ending.message)) {
    const message = `BuildKit of ${engine.facts.name} ${engine.facts.version} does not take files over the API with this image store: the classic builder is used`;
    host.emit({ type: "warning", template, message });
    return buildAnew(host, engine, rendered, options, "classic", named);
  }
  // An engine that is shut down fails its builds first; the real cause is that it no longer responds.
  await engine.image(request.tag);
  throw buildFailure(template, { ...ending, lines: ending.lines.map((line) => host.redact(line)) });
}

function requestFor(
  host: Host,
  rendered: RenderedTemplate,
  { mirrors, force, onProgress }: BuildOptions,
): Omit<BuildRequest, "context" | "builder"> {
  return {
    tag: imageName(rendered),
    labels: {
      [RUN_LABEL]: host.runId,
      [INPUTS_LABEL]: rendered.inputsDigest,
      [VERSION_LABEL]: versionLabel(rendered),
    },
    buildArgs: {
      MIRROR: mirrors.images ?? "",
      DEB_MIRROR: (mirrors.packages ?? "").replace(/\/$/u, ""),
      ...(rendered.lock.downloads === undefined ? {} : { DOWNLOAD_MIRROR: mirrors.downloads ?? "" }),
    },
    noCache: force === true,
    onStep: (step) => {
      if (!step.startsWith("[internal]")) onProgress?.(step.slice(0, 100));
    },
  };
}

/** The build context as a reproducible tar: sorted, without times and owners. */
function contextTar(files: readonly RenderedFile[]): NodeJS.ReadableStream {
  const tar = pack();
  const always = { mtime: new Date(0), uid: 0, gid: 0 };
  for (const name of new Set(files.flatMap((file) => foldersOf(file.name)).sort()))
    tar.entry({ name: `${name}/`, type: "directory", mode: 0o755, ...always });
  for (const file of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    tar.entry({ name: file.name, mode: file.mode, ...always }, file.contents);
  }
  tar.finalize();
  return tar as unknown as NodeJS.ReadableStream;
}
