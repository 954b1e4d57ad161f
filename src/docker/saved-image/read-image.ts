import type { Host } from "../../support/host";
import type { Engine } from "../engine";
import { readTarEntries } from "../tar-entries";
import { readSavedImage, type ImageContents } from "./read-saved-image";

interface Reading {
  readonly values: readonly string[];
  readonly contents: Promise<ImageContents>;
}

const readings = new WeakMap<Host, Map<string, Reading>>();

/**
 * What an image holds. Its bytes are read once in a run: who asks again, and looks for nothing or for the same values, gets what was
 * read then. Reading an image is what costs an engine most after building it.
 * @param values what is looked for in the files of all layers
 * @throws Failure ENGINE_FAILED or ENGINE_GONE (environment)
 */
export function readImage(
  host: Host,
  engine: Engine,
  image: { readonly id: string; readonly reference: string },
  values: readonly string[] = [],
): Promise<ImageContents> {
  const ofRun = readings.get(host) ?? new Map<string, Reading>();
  readings.set(host, ofRun);
  const before = ofRun.get(image.id);
  if (before !== undefined && (values.length === 0 || sameValues(values, before.values)))
    return before.contents;
  const contents = read(host, engine, image.reference, values);
  ofRun.set(image.id, { values, contents });
  contents.catch(() => ofRun.delete(image.id));
  return contents;
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
