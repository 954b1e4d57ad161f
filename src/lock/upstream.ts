import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import type { Repository } from "../apt/index";
import { parseImageReference } from "../registry/reference";
import { Failure, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import { isLoopback, isPrivateNetwork } from "../support/network/loopback";

const url = z.string().check(z.regex(/^https?:\/\/[^\s"'$`\\]+$/u, "must be an http(s) URL"));
const word = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9.+_-]*$/u, "must be one word of letters, digits and . + _ -"));

/** The form of upstream.toml: keys in kebab-case, one table per source. */
const upstreamFileSchema = z.strictObject({
  "sandbox-api": z.strictObject({ image: z.string().check(z.minLength(1)) }),
  mesa: z.strictObject({
    vouched: z.enum(["signed", "first-download"]),
    /** Canonical URL of the apt repository (the folder of dists/ and pool/). */
    repository: url,
    suite: z._default(word, "any"),
    component: z._default(word, "main"),
    package: z._default(word, "mesa"),
    key: z.optional(z.string().check(z.minLength(1))),
    "key-url": z.optional(url),
    /** Full fingerprint of the primary key; undefined before first use. */
    fingerprint: z.optional(z.string()),
    /** Pattern of a .deb's path below the repository; {version} stands for the Mesa version. */
    pool: z.optional(z.string().check(z.minLength(1))),
  }),
  mirrors: z._default(
    z.strictObject({
      /** Prefix put before an image's canonical name. */
      images: z.optional(
        z
          .string()
          .check(
            z.regex(
              /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*\/?$/u,
              "must be a host, with port and path where needed, and no scheme",
            ),
          ),
      ),
      /** Replaces scheme and host of the package repository's URLs. */
      packages: z.optional(url),
      /** Replaces "https://" in the addresses of downloads, so that their host becomes the first part of the path. */
      downloads: z.optional(url),
    }),
    {},
  ),
  /** A dated mirror of the distribution's own packages. */
  snapshot: z.optional(
    z.strictObject({
      url,
      at: z.string().check(z.regex(/^\d{8}T\d{6}Z$/u, "must be a moment like 20260401T000000Z")),
    }),
  ),
  publish: z.optional(
    z.strictObject({ registry: z.optional(z.string()), private: z._default(z.boolean(), false) }),
  ),
});

type UpstreamFile = z.infer<typeof upstreamFileSchema>;

/** The sources of a lock's inputs: image registries, the Mesa package repository, their keys and mirrors. */
export interface Upstream extends Readonly<Pick<UpstreamFile, "mirrors" | "snapshot">> {
  readonly sandboxApi: { readonly image: string };
  readonly mesa: MesaSource;
  /** The registry for proven images; undefined: Blaxel builds from the source. */
  readonly publish?: PublishTarget | undefined;
  /** The file it was read from (absolute). */
  readonly path: string;
}

/** The registry from which Blaxel imports proven images. */
export interface PublishTarget {
  /** Registry host and path below which every template has a repository, e.g. ghcr.io/acme/sandboxes; without trailing slash. */
  readonly registry: string;
  /** Blaxel always gets the registry's login, even if this machine can read the image without one. */
  readonly private: boolean;
}

interface MesaSource extends Readonly<Omit<UpstreamFile["mesa"], "key" | "key-url">> {
  /** The public key: its absolute path, the path as the file writes it, and where it may be fetched. */
  readonly key?:
    { readonly path: string; readonly named: string; readonly url?: string | undefined } | undefined;
}

/**
 * Reads and checks upstream.toml; paths in it are relative to the file.
 * @throws Failure UPSTREAM_INVALID, UPSTREAM_MISSING (exit 2), naming file, key and remedy
 */
export async function loadUpstream(path: string): Promise<Upstream> {
  const data = await readIfPresent(path);
  if (data !== undefined) return parseUpstream(data.toString("utf8"), path);
  throw new Failure({
    code: "UPSTREAM_MISSING",
    kind: "usage",
    message: `${path} is missing: the file that names the sources of images and packages.`,
    hint: "Give --upstream FILE, or write templates/upstream.toml (mesa-template init writes one).",
  });
}

/** The registry to push to: the given one, or that of upstream.toml. @throws Failure UPSTREAM_INVALID (exit 2) */
export function publishTarget(
  upstream: Upstream | undefined,
  registry: string | undefined,
): PublishTarget | undefined {
  const file = upstream?.publish;
  return registry === undefined
    ? file
    : { registry: registryFrom(registry, "--registry"), private: file?.private ?? false };
}

/** The registry as written by people. Blaxel takes a name for a registry only if its host contains a dot. */
function registryFrom(text: string, where: string): string {
  const registry = bare(text);
  const host = registry.split("/", 1)[0] ?? "";
  const fault = host.includes(".")
    ? namingFault(`${registry}/name`)
    : "it must begin with the registry's host, which has a dot (docker.io/acme, ghcr.io/acme)";
  const more = /[@]|:[^/]*$/u.test(registry.slice(host.length)) ? "it names a tag or a digest" : fault;
  if (more === undefined) return registry;
  throw invalid(where, `"${text}" is not a registry path to push images to: ${more}`);
}

function namingFault(image: string): string | undefined {
  try {
    parseImageReference(image);
    return undefined;
  } catch (error) {
    return messageOf(error).replace(/\.$/u, "");
  }
}

/** Parses upstream.toml. `path` is its location, for messages and for relative paths in it. */
export function parseUpstream(text: string, path: string): Upstream {
  const checked = z.safeParse(upstreamFileSchema, parseToml(text, path));
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw invalid(
      path,
      issue === undefined ? "it does not have the fields of an upstream.toml" : issueText(issue),
    );
  }
  return refined(checked.data, path);
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError)
      throw invalid(`${path}:${String(error.line)}:${String(error.column)}`, firstLine(error.message));
    throw error;
  }
}

function refined(file: UpstreamFile, path: string): Upstream {
  const { mesa, mirrors, snapshot, publish } = file;
  const image = file["sandbox-api"].image;
  checkSandboxApi(image, path);
  checkRepository(file, path);
  checkDownloads(file, path);
  if (mesa.vouched === "signed" && mesa.key === undefined) {
    throw invalid(
      path,
      'mesa.key is missing: vouched = "signed" needs the file that holds the repository\'s public key',
    );
  }
  if (mesa.vouched === "first-download" && mesa.pool?.includes("{version}") !== true) {
    throw invalid(
      path,
      'mesa.pool is missing, or lacks {version}: vouched = "first-download" needs the path of a .deb below the repository',
    );
  }
  const { key, "key-url": keyUrl, ...source } = mesa;
  return {
    sandboxApi: { image },
    mesa: {
      ...source,
      repository: bare(mesa.repository),
      key: key === undefined ? undefined : { path: resolve(dirname(path), key), named: key, url: keyUrl },
      fingerprint: changed(mesa.fingerprint, (text) => fingerprintFrom(text, path)),
      pool: changed(mesa.pool, (text) => text.replace(/^\/+/u, "")),
    },
    mirrors: {
      images: changed(mirrors.images, (text) => `${bare(text)}/`),
      packages: changed(mirrors.packages, bare),
      downloads: changed(mirrors.downloads, (text) => `${bare(text)}/`),
    },
    snapshot,
    publish:
      publish?.registry === undefined
        ? undefined
        : {
            registry: registryFrom(publish.registry, `${path}: publish.registry`),
            private: publish.private,
          },
    path: resolve(path),
  };
}

const bare = (address: string): string => address.replace(/\/+$/u, "");
const changed = <T>(value: T | undefined, change: (value: T) => T): T | undefined =>
  value === undefined ? undefined : change(value);

function checkSandboxApi(image: string, path: string): void {
  const reference = parseImageReference(image);
  if (reference.tag === undefined || reference.tag === "latest") {
    throw invalid(
      path,
      `sandbox-api.image is "${image}": it must name a version (…:0.2.50), never latest, which can change after a template is published`,
    );
  }
}

function checkRepository({ mesa, mirrors }: UpstreamFile, path: string): void {
  if (mesa.repository.startsWith("http:") && !isLoopback(new URL(mesa.repository).hostname)) {
    throw invalid(
      path,
      `mesa.repository is ${mesa.repository}: plain http is accepted on loopback only (a mirror may be named in mirrors.packages)`,
    );
  }
  const mirror = mirrors.packages;
  if (
    mesa.vouched === "first-download" &&
    mirror?.startsWith("http:") === true &&
    !isPrivateNetwork(new URL(mirror).hostname)
  ) {
    throw invalid(
      path,
      `mirrors.packages is ${mirror}: only the connection protects a first download, so it must be https (or a host of the private network)`,
    );
  }
}

/** A plain http mirror must be in the private network: a first download relies on the connection alone. */
function checkDownloads({ mirrors: { downloads } }: UpstreamFile, path: string): void {
  if (downloads?.startsWith("http:") === true && !isPrivateNetwork(new URL(downloads).hostname))
    throw invalid(
      path,
      `mirrors.downloads is ${downloads}: it must be https, or a host of the private network`,
    );
}

/** A fingerprint as people write it (spaces, lower case, 0x), normalized to 40 or 64 upper-case hex digits. */
export function fingerprintFrom(text: string, where: string): string {
  const bare = text.replace(/\s+/gu, "").replace(/^0x/iu, "").toUpperCase();
  if (/^([0-9A-F]{40}|[0-9A-F]{64})$/u.test(bare)) return bare;
  throw new Failure({
    code: "BAD_FINGERPRINT",
    kind: "usage",
    message: `"${text}" (${where}) is not a key's full fingerprint: 40 hex digits (a short key id can be forged).`,
    hint: "gpg --show-keys FILE prints it.",
  });
}

function issueText(issue: {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code: string;
}): string {
  const keys = "keys" in issue && Array.isArray(issue.keys) ? issue.keys.map(String) : [];
  const where = [...issue.path, ...(keys.length > 0 ? [keys[0]] : [])].map(String).join(".");
  if (issue.code === "unrecognized_keys") return `${where} is not a known setting (misspelt?)`;
  return `${where === "" ? "it" : where}: ${issue.message}`;
}

/** Mesa's package repository, described as apt does. */
export function mesaRepository({ mesa, mirrors }: Upstream): Repository {
  return {
    url: mesa.repository,
    suite: mesa.suite,
    component: mesa.component,
    package: mesa.package,
    mirror: mirrors.packages,
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}

function invalid(where: string, what: string): Failure {
  return new Failure({
    code: "UPSTREAM_INVALID",
    kind: "usage",
    message: `${where}: ${what}.`,
    hint: "templates/upstream.toml of the package is a commented example.",
  });
}
