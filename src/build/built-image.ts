import type { Engine } from "../docker/index";
import type { RenderedTemplate } from "../render/rendered";
import type { Image } from "./image";
import { hexOf } from "../support/text/digest";

/** Label with the digest of the inputs that an image was made from. */
export const INPUTS_LABEL = "mesa-template.inputs";

/** The local name of a template's image: mesa-template/debian:0.20.0-<first 12 of the inputs digest> */
export function imageName(of: Pick<RenderedTemplate, "template" | "mesaVersion" | "inputsDigest">): string {
  return `mesa-template/${of.template}:${of.mesaVersion}-${hexOf(of.inputsDigest).slice(0, 12)}`;
}

/** The image under the template's local name, if it was made from exactly these inputs. It is read, unless it is the `known` one. */
export async function builtImage(
  engine: Engine,
  rendered: RenderedTemplate,
  baseReference: string,
  builder: Image["builder"],
  known?: Image,
): Promise<Image | undefined> {
  const reference = imageName(rendered);
  const found = await engine.image(reference);
  if (found?.labels[INPUTS_LABEL] !== rendered.inputsDigest) return undefined;
  if (engine.facts.idsAreConfigDigests && found.id === known?.id) return known;
  const [{ configDigest, sizeBytes, history }, base] = await Promise.all([
    engine.readImage({ id: found.id, reference }),
    engine.image(baseReference),
  ]);
  const standsOnBase = base?.layers.every((layer, index) => found.layers[index] === layer) === true;
  const ofBase = standsOnBase ? base.layers.length : 0;
  return {
    template: rendered.template,
    mesaVersion: rendered.mesaVersion,
    id: configDigest,
    reference,
    sizeBytes,
    layers: history
      .filter((step) => step.sizeBytes > 0)
      .map(({ layer = ofBase, ...step }) => ({
        createdBy: step.createdBy,
        sizeBytes: step.sizeBytes,
        ...(layer < ofBase ? { fromBase: true } : {}),
      })),
    inputsDigest: rendered.inputsDigest,
    builder,
  };
}
