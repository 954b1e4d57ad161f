import type { Readable } from "node:stream";
import { Failure } from "../../support/errors";
import type { Host } from "../../support/host";
import type { Engine, EngineImage, HeldImage } from "../engine";
import { readTarEntries } from "../tar-entries";
import { readSavedImage, type ImageContents } from "./read-saved-image";

/** An engine's `readImage`, on top of its `docker save`. */
export function imageReader(
  host: Host,
  saveImage: (reference: string) => Promise<Readable>,
): Engine["readImage"] {
  const readings = new Map<string, { values: readonly string[]; contents: Promise<ImageContents> }>();
  const read = async (reference: string, values: readonly string[]): Promise<ImageContents> => {
    const couldNot = `The image ${reference} could not be read`;
    const saved = await saveImage(reference);
    return readTarEntries(couldNot, saved, host.signal, (parts) => readSavedImage(parts, values));
  };
  return ({ id, reference }, values) => {
    const before = readings.get(id);
    if (before !== undefined && (values === undefined || sameValues(values, before.values)))
      return before.contents;
    const sought = values ?? host.redact.values();
    const contents = read(reference, sought);
    readings.set(id, { values: sought, contents });
    contents.catch(() => readings.delete(id));
    return contents;
  };
}

/**
 * The digest of an image's configuration, which is the same on every engine. With the containerd image store the id is a manifest's digest,
 * so the image has to be read.
 */
export async function configDigestOf(engine: Engine, image: HeldImage): Promise<string> {
  return engine.facts.idsAreConfigDigests ? image.id : (await engine.readImage(image)).configDigest;
}

/**
 * A built image: by the digest of its configuration if the engine supports that, else by reference if it still has that configuration.
 * @throws Failure IMAGE_GONE (exit 3) if it was removed since it was built
 */
export async function provenImage(
  engine: Engine,
  { configDigest, reference }: { readonly configDigest: string; readonly reference: string },
): Promise<HeldImage & EngineImage> {
  const name = engine.facts.idsAreConfigDigests ? configDigest : reference;
  const image = await engine.image(name);
  const found = image === undefined ? undefined : { ...image, reference: name };
  if (found !== undefined && (await configDigestOf(engine, found)) === configDigest) return found;
  throw new Failure({
    code: "IMAGE_GONE",
    kind: "environment",
    message: `The image ${configDigest} (${reference}) is no longer on the engine.`,
    hint: "Run again: the image is then built and proven again.",
  });
}

function sameValues(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((value) => others.includes(value));
}
