import { toJSONSchema, type ZodMiniType } from "zod/mini";
import { lockSchema } from "../lock/lock";
import { manifestSchema } from "../manifest/entry";
import { templateSchema } from "../render/settings";
import { checksFileSchema } from "../smoke/checks-file/schema";

const SCHEMAS: Readonly<Record<string, readonly [ZodMiniType, title: string, description: string]>> = {
  manifest: [
    manifestSchema,
    "Manifest of template versions",
    "dockerfiles/manifest.json: every template version, every channel and its history",
  ],
  lock: [
    lockSchema,
    "Lock of a template at a Mesa version",
    "dockerfiles/<template>/<version>/lock.json: every input, resolved and immutable",
  ],
  template: [templateSchema, "Settings of a template", "templates/<template>/template.toml"],
  checks: [
    checksFileSchema,
    "Checks of a template",
    "templates/<template>/checks.yaml: what an image has to prove besides the built-in checks",
  ],
};

/**
 * JSON Schemas (draft 2020-12) of the files that people and other programs read or write, by file name in the package. They describe what
 * may be written: keys with a default are optional.
 */
export function jsonSchemas(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, [schema, title, description]]) => {
      const { $schema, ...rest } = toJSONSchema(schema, { io: "input" });
      return [name, { $schema, title, description, ...rest }];
    }),
  );
}
