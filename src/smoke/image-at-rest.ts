import type { Engine } from "../docker/index";
import { readImage, type ImageContents } from "../docker/saved-image/index";
import type { Host } from "../support/host";
import type { ImageAtRest } from "./check";

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
  const { env, entrypoint, cmd, user, workdir } = image.config;
  const contents = (values: readonly string[]): Promise<ImageContents> =>
    readImage(host, engine, { id: image.id, reference }, values);
  return {
    config: { env, entrypoint, cmd, user, workdir, labels: image.labels },
    history,
    sizeBytes: image.sizeBytes,
    // Whoever asks for the files asks for the secrets too, before or after: one reading does for both.
    files: async () => (await contents(secrets)).inLayers,
    readFile,
    async holds(path) {
      const kinds = new Map((await contents(secrets)).merged.files.map((file) => [file.path, file.kind]));
      const parts = path.split("/").filter((part) => part !== "");
      const above = parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
      return parts.length === 0 || kinds.has(path) || above.some((one) => kinds.get(one) === "symlink");
    },
    pathsHolding: async (values) => (values.length === 0 ? [] : (await contents(values)).holding),
  };
}
