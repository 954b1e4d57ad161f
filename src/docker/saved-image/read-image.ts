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
 * What an image holds. Its bytes are read once in a run: who asks again, and looks for nothing or for the same values, gets what was
 * read then. Reading an image is what costs an engine most after building it.
 * @param values what is looked for in the files of all layers; who looks for nothing has the run's secrets looked for, because
 * somebody asks for them later
 * @throws Failure ENGINE_FAILED or ENGINE_GONE (environment)
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
 * The digest of an image's configuration, which names the image on every engine. With the containerd image store the engine's own id
 * is the digest of a manifest, so that the image has to be read.
 */
export async function configDigestOf(host: Host, engine: Engine, image: HeldImage): Promise<string> {
  return engine.facts.idsAreConfigDigests ? image.id : (await readImage(host, engine, image)).configDigest;
}

/** The image with this configuration: by its digest where the engine takes that, else where the reference still names it. */
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

/** An image that somebody removed between its proof and its next use. */
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
