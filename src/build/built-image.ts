import type { Engine } from "../docker/index";
import type { RenderedTemplate } from "../render/rendered";
import type { Image, ImageLayer } from "./image";

/** Label that tells which inputs an image was made from. */
export const INPUTS_LABEL = "mesa-template.inputs";

/** The local reference of a template's image. */
export function imageTag(rendered: RenderedTemplate): { readonly repo: string; readonly tag: string } {
  const digits = rendered.inputsDigest.replace(/^sha256:/u, "").slice(0, 12);
  return { repo: `mesa-template/${rendered.template}`, tag: `${rendered.mesaVersion}-${digits}` };
}

/** The image that stands under the template's reference, when it was made from exactly these inputs. */
export async function builtImage(
  engine: Engine,
  rendered: RenderedTemplate,
  baseReference: string,
  builder: Image["builder"],
): Promise<Image | undefined> {
  const { repo, tag } = imageTag(rendered);
  const reference = `${repo}:${tag}`;
  const found = await engine.image(reference);
  if (found?.labels[INPUTS_LABEL] !== rendered.inputsDigest) return undefined;
  const [history, base] = await Promise.all([engine.history(reference), engine.image(baseReference)]);
  const standsOnBase =
    base !== undefined &&
    base.layers.length > 0 &&
    base.layers.every((layer, index) => found.layers[index] === layer);
  const ofBase = standsOnBase ? (await engine.history(baseReference)).length : 0;
  const layers: ImageLayer[] = [...history]
    .reverse()
    .map((step, index) => ({ ...step, ...(index < ofBase ? { fromBase: true } : {}) }));
  return {
    template: rendered.template,
    mesaVersion: rendered.mesaVersion,
    id: found.id,
    reference,
    sizeBytes: found.sizeBytes,
    layers: layers.filter((layer) => layer.sizeBytes > 0),
    inputsDigest: rendered.inputsDigest,
    builder,
  };
}
