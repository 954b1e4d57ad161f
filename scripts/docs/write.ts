// Writes the pages that are made from code: npm run docs
import { writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { pages } from "./index";

for (const [path, text] of Object.entries(pages("."))) {
  const formatted = await format(text, { ...(await resolveConfig(path)), filepath: path });
  writeFileSync(path, formatted);
}
