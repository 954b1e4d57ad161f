import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { parse } from "smol-toml";
import { call } from "./call";
import type { Parsed } from "./flags";

export interface Project {
  readonly name: string;
  readonly kind: string;
  readonly generated: boolean;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A name as the CLI makes one: lower case, spaces and underscores to hyphens, the rest dropped. */
function slugify(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[ _]/gu, "-")
    .replace(/[^a-z0-9-]/gu, "")
    .replace(/-+/gu, "-")
    .replace(/^-|-$/gu, "");
  return slug === "" ? "resource" : slug;
}

export function readToml(folder: string): Record<string, unknown> {
  try {
    return parse(readFileSync(join(folder, "blaxel.toml"), "utf8"));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT")
      call().err(
        "⚠ blaxel.toml could not be read\n⚠ Continuing with deployment despite configuration warning...\n",
      );
    return {};
  }
}

function envList(
  parsed: Parsed,
  folder: string,
  toml: Record<string, unknown>,
): { name: string; value: string }[] {
  const found = new Map<string, string>();
  const add = (line: string): void => {
    const at = line.indexOf("=");
    if (at > 0 && !found.has(line.slice(0, at))) found.set(line.slice(0, at), line.slice(at + 1));
  };
  for (const secret of parsed.flags["secrets"] ?? []) secret.split(",").forEach(add);
  for (const file of parsed.flags["env-file"] ?? [".env"]) {
    try {
      readFileSync(join(folder, file), "utf8")
        .split("\n")
        .filter((line) => !line.startsWith("#"))
        .forEach(add);
    } catch {
      // A missing env file is silently ignored, and so is an absolute path.
    }
  }
  for (const [key, value] of Object.entries((toml["env"] ?? {}) as Record<string, unknown>))
    if (!found.has(key)) found.set(key, String(value));
  found.delete("BL_API_KEY");
  return [...found].map(([name, value]) => ({ name, value }));
}

type Auths = Readonly<Record<string, unknown>>;

function authsIn(path: string): Auths {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { readonly auths?: Auths }).auths ?? {};
  } catch {
    return {};
  }
}

/** Credentials for the image's registry as they go to Blaxel: the project's own, then --docker-config, then --registry-cred; `auths` only. */
function dockerConfig(parsed: Parsed, folder: string): string | undefined {
  const file = parsed.flags["docker-config"]?.[0];
  const given = (parsed.flags["registry-cred"] ?? []).map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), { auth: Buffer.from(word.slice(at + 1)).toString("base64") }] as const;
  });
  const auths = {
    ...authsIn(join(folder, ".docker/config.json")),
    ...(file === undefined ? {} : authsIn(resolve(call().cwd, file))),
    ...Object.fromEntries(given),
  };
  return Object.keys(auths).length === 0 ? undefined : JSON.stringify({ auths });
}

/** The name in an image's reference: its last path segment, without digest and tag. */
function imageName(reference: string): string {
  return basename(reference.replace(/@.*$/u, "")).replace(/:.*$/u, "");
}

/** What would be deployed from the folder. */
export function readProject(parsed: Parsed, folder: string): Project {
  const toml = readToml(folder);
  const runtime = (toml["runtime"] ?? {}) as Record<string, unknown>;
  const image = typeof toml["image"] === "string" ? toml["image"] : undefined;
  const named =
    typeof toml["name"] === "string"
      ? toml["name"]
      : (parsed.flags["name"]?.[0] ?? (image === undefined ? basename(folder) : imageName(image)));
  const credentials = image === undefined ? undefined : dockerConfig(parsed, folder);
  const kept = ["expires", "memory", "ttl", "terminationGracePeriodSeconds", "extraArgs", "ports"].filter(
    (key) => runtime[key] !== undefined,
  );
  return {
    name: slugify(named),
    kind: parsed.flags["type"]?.[0] ?? (typeof toml["type"] === "string" ? toml["type"] : "sandbox"),
    generated: image === undefined && parsed.flags["skip-build"] === undefined,
    spec: {
      ...(typeof toml["region"] === "string" ? { region: toml["region"] } : {}),
      runtime: {
        ...Object.fromEntries(kept.map((key) => [key, runtime[key]])),
        ...(image === undefined ? {} : { image }),
        envs: envList(parsed, folder, toml),
        ...(credentials === undefined ? {} : { dockerConfig: credentials }),
        ...(image !== undefined && parsed.flags["skip-build"] !== undefined ? { skipBuild: "true" } : {}),
      },
    },
  };
}
