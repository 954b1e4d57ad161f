import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { streamMessages, engineStatus, readTrace, type Engine, type StreamMessage } from "../docker/room";
import type { RenderedTemplate } from "../render/rendered";
import { messageOf } from "../support/errors";
import { RUN_LABEL, VERSION_LABEL, type Host } from "../support/host";
import { buildFailure } from "./build-failure";
import { contextTar } from "./context";
import type { Image, ImageLayer } from "./image";
import { pullBases } from "./fetch-bases";

/** Label that tells which inputs an image was made from. */
export const INPUTS_LABEL = "mesa-template.inputs";

/** A build that prints nothing for this long has hung, in ms. */
const SILENCE_MS = 600_000;
const KEPT_LINES = 40;

export interface BuildOptions {
  readonly mirrors: { readonly images?: string | undefined; readonly packages?: string | undefined };
  readonly force?: boolean;
  /** The whole log goes here. */
  readonly logFile?: string;
  readonly onProgress?: (message: string) => void;
}

/** The local reference of a template's image. */
export function imageTag(rendered: RenderedTemplate): { readonly repo: string; readonly tag: string } {
  return { repo: `mesa-template/${rendered.template}`, tag: `${rendered.mesaVersion}-${rendered.inputsDigest.slice("sha256:".length, "sha256:".length + 12)}` };
}

/**
 * Builds the image of a rendered template for linux/amd64, or takes the one that was built from the same inputs before.
 * @throws Failure BUILD_FAILED and its kin (exit 5) with the failing step and its last lines
 */
export async function buildImage(host: Host, engine: Engine, rendered: RenderedTemplate, options: BuildOptions): Promise<Image> {
  const { repo, tag } = imageTag(rendered);
  const reference = `${repo}:${tag}`;
  const builder = engine.hasBuildKit ? "buildkit" : "classic";
  if (options.force !== true) {
    const before = await inspectBuilt(engine, rendered, reference, builder);
    if (before !== undefined) return before;
  }
  options.onProgress?.(`${engine.name} ${engine.version}, ${builder}`);
  await pullBases(host, engine, rendered, options.mirrors.images ?? "");
  const { docker } = engine;
  const previous = await imageId(engine, reference);
  const log = buildLog(options.onProgress);
  try {
    const stream = await docker.buildImage(contextTar(rendered.files), {
      t: reference,
      ...(engine.hasBuildKit ? { version: 2 as unknown as "2" } : {}),
      forcerm: true,
      nocache: options.force === true,
      platform: "linux/amd64",
      labels: { [RUN_LABEL]: host.runId, [INPUTS_LABEL]: rendered.inputsDigest, [VERSION_LABEL]: `${rendered.template}@${rendered.mesaVersion}` },
      buildargs: { MIRROR: options.mirrors.images ?? "", DEB_MIRROR: (options.mirrors.packages ?? "").replace(/\/$/u, "") },
    });
    for await (const message of streamMessages(stream, SILENCE_MS, host.signal)) log.take(message);
  } catch (error) {
    host.signal.throwIfAborted();
    throw buildFailure(rendered.template, log.failedStep(), messageOf(error), log.tail().map((line) => host.redact(line)), error);
  } finally {
    if (options.logFile !== undefined) await writeLog(options.logFile, host.redact(log.all()));
  }
  const image = await inspectBuilt(engine, rendered, reference, builder);
  if (image === undefined) throw buildFailure(rendered.template, undefined, `the engine ended the build without an image ${reference}`, log.tail(), undefined);
  if (previous !== undefined && previous !== image.id) await removeUntagged(engine, previous);
  return image;
}

async function writeLog(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "");
  await appendFile(path, text);
}

async function imageId(engine: Engine, reference: string): Promise<string | undefined> {
  try {
    return (await engine.docker.getImage(reference).inspect()).Id;
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw error;
  }
}

/** An image that a tag was taken from is left dangling by the engine; it is ours, so it goes. */
async function removeUntagged(engine: Engine, id: string): Promise<void> {
  try {
    const image = engine.docker.getImage(id);
    const { RepoTags: tags } = await image.inspect();
    if (tags.length === 0) await image.remove();
  } catch (error) {
    if (engineStatus(error) !== 404 && engineStatus(error) !== 409) throw error;
  }
}

async function inspectBuilt(engine: Engine, rendered: RenderedTemplate, reference: string, builder: Image["builder"]): Promise<Image | undefined> {
  const image = engine.docker.getImage(reference);
  try {
    const found = await image.inspect();
    if (found.Config.Labels[INPUTS_LABEL] !== rendered.inputsDigest) return undefined;
    const history = (await image.history()) as readonly { readonly CreatedBy: string; readonly Size: number }[];
    const layers: ImageLayer[] = [...history].reverse().map((layer) => ({ createdBy: layer.CreatedBy, sizeBytes: layer.Size }));
    return {
      template: rendered.template,
      mesaVersion: rendered.mesaVersion,
      id: found.Id,
      reference,
      sizeBytes: found.Size,
      layers: layers.filter((layer) => layer.sizeBytes > 0),
      inputsDigest: rendered.inputsDigest,
      builder,
    };
  } catch (error) {
    if (engineStatus(error) === 404) return undefined;
    throw error;
  }
}

interface BuildLog {
  take(message: StreamMessage): void;
  failedStep(): string | undefined;
  tail(): readonly string[];
  all(): string;
}

/** Follows a build's messages of either builder: steps, their lines, and which one failed. */
function buildLog(onProgress: ((message: string) => void) | undefined): BuildLog {
  const lines: string[] = [];
  const names = new Map<string, string>();
  let current: string | undefined;
  let failed: string | undefined;
  const print = (text: string): void => {
    for (const line of text.split("\n")) if (line.trim() !== "") lines.push(line.trimEnd());
  };
  return {
    take(message) {
      if (message.id === "moby.buildkit.trace" && typeof message.aux === "string") {
        const trace = readTrace(message.aux);
        for (const step of trace.steps) {
          if (!names.has(step.digest)) {
            names.set(step.digest, step.name);
            print(`--- ${step.name}`);
            if (!step.name.startsWith("[internal]")) onProgress?.(step.name.slice(0, 100));
          }
          if (step.error !== undefined) {
            failed ??= step.name;
            print(step.error);
          }
        }
        for (const log of trace.logs) print(log.text);
        return;
      }
      if (message.stream === undefined) return;
      print(message.stream);
      const step = /^Step \d+\/\d+ : (.*)/u.exec(message.stream)?.[1];
      if (step !== undefined) {
        current = step;
        onProgress?.(step.slice(0, 100));
      }
    },
    failedStep: () => failed ?? current,
    tail: () => lines.slice(-KEPT_LINES).filter((line) => !line.startsWith("--- [internal]")).slice(-20),
    all: () => `${lines.join("\n")}\n`,
  };
}
