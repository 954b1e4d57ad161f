import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder of this program's package above the given file: an installed package or a checkout.
 * @throws Error if there is none, which means a broken installation
 */
export function packageFolder(from: string): string {
  let folder = dirname(fileURLToPath(from));
  for (;;) {
    const file = join(folder, "package.json");
    if (
      existsSync(file) &&
      (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name === "mesa-blaxel-templates"
    )
      return folder;
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error("mesa-template's own package.json was not found above its program");
    folder = parent;
  }
}
