import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import type { Engine, EngineImage } from "../engine";
import { readTarEntries } from "../tar-entries";
import { readSavedImage, type ImageContents } from "./read-saved-image";

interface Reading {
  readonly values: readonly string[];
  readonly contents: Promise<ImageContents>;
}

const readings = new WeakMap<Host, Map<string, Reading>>();

/** An image on an engine. */
export interface HeldImage {
  /** The engine's id of it. */
  readonly id: string;
  readonly reference: string;
}

/**
 * The content of an image, read once per run: reading is the most expensive request after a build. Later calls without values, or with the
 * same ones, share the result.
 * @param values to search for in the files of all layers; default: the run's secrets, because another check needs them later
 * @throws Failure ENGINE_FAILED or ENGINE_GONE (exit 3)
 */
export function readImage(
  host: Host,
  engine: Engine,
  image: HeldImage,
  values?: readonly string[],
): Promise<ImageContents> {
  const ofRun = readings.get(host) ?? new Map<string, Reading>();
  readings.set(host, ofRun);
  const before = ofRun.get(image.id);
  if (before !== undefined && (values === undefined || sameValues(values, before.values)))
    return before.contents;
  const sought = values ?? host.redact.values();
  const contents = read(host, engine, image.reference, sought);
  ofRun.set(image.id, { values: sought, contents });
  contents.catch(() => ofRun.delete(image.id));
  return contents;
}

/**
 * The digest of an image's configuration, which is the same on every engine. With the containerd image store the id is a manifest's digest,
 * so the image has to be read.
 */
export async function configDigestOf(host: Host, engine: Engine, image: HeldImage): Promise<string> {
  return engine.facts.idsAreConfigDigests ? image.id : (await readImage(host, engine, image)).configDigest;
}

/** The image with this configuration: by digest if the engine supports that, else by reference if it still has that configuration. */
export async function findImage(
  host: Host,
  engine: Engine,
  { configDigest, reference }: { readonly configDigest: string; readonly reference: string },
): Promise<(HeldImage & EngineImage) | undefined> {
  const [name, image] = engine.facts.idsAreConfigDigests
    ? [configDigest, await engine.image(configDigest)]
    : [reference, await engine.image(reference)];
  if (image === undefined) return undefined;
  const found = { ...image, reference: name };
  return (await configDigestOf(host, engine, found)) === configDigest ? found : undefined;
}

/** The failure for an image that was removed between its proof and its next use. */
export function imageGone(reference: string): Failure {
  return new Failure({
    code: "IMAGE_GONE",
    kind: "environment",
    message: `The image ${reference} was proven, but is no longer on the engine.`,
    hint: "Run again: the image is then built and proven again.",
  });
}

function sameValues(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((value) => others.includes(value));
}

async function read(
  host: Host,
  engine: Engine,
  reference: string,
  values: readonly string[],
): Promise<ImageContents> {
  const couldNot = `The image ${reference} could not be read`;
  const saved = await engine.saveImage(reference, host.signal);
  return readTarEntries(couldNot, saved, host.signal, (parts) => readSavedImage(parts, values));
}
