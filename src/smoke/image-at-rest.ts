import type { Engine } from "../docker/index";
import type { Host } from "../support/host";
import type { ImageAtRest } from "./check";
import { scanLayers, type LayerScan } from "./layer-scan";

/** An image as the checks see it without starting it. The layers are read once, when first asked for. */
export async function imageAtRest(
  host: Host,
  engine: Engine,
  reference: string,
  secrets: readonly string[],
  readFile: ImageAtRest["readFile"],
): Promise<ImageAtRest> {
  const [image, history] = await Promise.all([engine.image(reference), engine.history(reference)]);
  if (image === undefined) throw new Error(`the engine has no image ${reference}`);
  const scan = async (values: readonly string[]): Promise<LayerScan> =>
    scanLayers(await engine.saveImage(reference, host.signal), values);
  let kept: Promise<LayerScan> | undefined;
  const scanned = (): Promise<LayerScan> => (kept ??= scan(secrets));
  const { env, entrypoint, cmd, user, workdir } = image.config;
  return {
    config: { env, entrypoint, cmd, user, workdir, labels: image.labels },
    history,
    sizeBytes: image.sizeBytes,
    files: async () => (await scanned()).files,
    readFile,
    async pathsHolding(values) {
      if (values.length === 0) return [];
      const same = values.length === secrets.length && values.every((value) => secrets.includes(value));
      return (same ? await scanned() : await scan(values)).holding;
    },
  };
}
