import { dirname, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import * as z from "zod/mini";
import { parseImageReference } from "../registry/reference";
import { Failure, firstProblem, messageOf } from "../support/errors";
import { readIfPresent } from "../support/files/files";
import { isPrivateNetwork } from "../support/network/loopback";

/** Without slashes at its end. */
const bare = (address: string): string => address.replace(/\/+$/u, "");
const asPrefix = (address: string): string => `${bare(address)}/`;

const url = z.string().check(
  z.regex(/^https?:\/\/[^\s"'$`\\]+$/u, "must be an http(s) URL"),
  z.refine((text) => URL.canParse(text), "must be an http(s) URL"),
  z.refine((text) => !/^https?:\/\/[^/?#]*@/iu.test(text), "must have no user or password"),
);
const word = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9.+_-]*$/u, "must be one word of letters, digits and . + _ -"));
const text = z.string().check(z.minLength(1));
/** An image registry, with a path where needed. */
const A_PREFIX = "must be a host, with port and path where needed, and no scheme";
const registryPrefix = z.string().check(
  z.regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*\/?$/u, A_PREFIX),
  z.refine((text) => URL.canParse(`https://${text}`), A_PREFIX),
);

/** The form of upstream.toml: keys in kebab-case, one table per source. */
const upstreamFileSchema = z.strictObject({
  "sandbox-api": z.strictObject({
    image: text.check(z.refine((name) => namingFault(name) === undefined, "does not name an image")),
  }),
  mesa: z.strictObject({
    vouched: z.enum(["signed", "first-download"]),
    /** Canonical URL of the apt repository (the folder of dists/ and pool/). */
    repository: z.pipe(url, z.transform(bare)),
    suite: z._default(word, "any"),
    component: z._default(word, "main"),
    package: z._default(word, "mesa"),
    key: z.optional(text),
    "key-url": z.optional(url),
    /** Full fingerprint of the primary key; undefined before first use. */
    fingerprint: z.optional(z.string()),
    /** Pattern of a .deb's path below the repository; {version} stands for the Mesa version. */
    pool: z.optional(
      z.pipe(
        text,
        z.transform((path) => path.replace(/^\/+/u, "")),
      ),
    ),
  }),
  mirrors: z._default(
    z.strictObject({
      /** Prefix put before an image's canonical name. */
      images: z.optional(z.pipe(registryPrefix, z.transform(asPrefix))),
      /** Replaces scheme and host of the package repository's URLs. */
      packages: z.optional(z.pipe(url, z.transform(bare))),
      /** Replaces "https://" in the addresses of downloads, so that their host becomes the first part of the path. */
      downloads: z.optional(z.pipe(url, z.transform(asPrefix))),
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
  if (!checked.success) throw invalid(path, issueText(checked.error));
  const fault = faultOf(checked.data);
  if (fault !== undefined) throw invalid(path, fault);
  const { "sandbox-api": sandboxApi, mesa, mirrors, snapshot, publish } = checked.data;
  const { key, "key-url": keyUrl, fingerprint, ...source } = mesa;
  return {
    sandboxApi,
    mesa: {
      ...source,
      key: key === undefined ? undefined : { path: resolve(dirname(path), key), named: key, url: keyUrl },
      fingerprint: fingerprint === undefined ? undefined : fingerprintFrom(fingerprint, path),
    },
    mirrors,
    snapshot,
    publish:
      publish?.registry === undefined
        ? undefined
        : { ...publish, registry: registryFrom(publish.registry, `${path}: publish.registry`) },
    path: resolve(path),
  };
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw invalid(`${path}:${String(error.line)}:${String(error.column)}`, firstProblem(error));
  }
}

function issueText(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  return issue?.code === "unrecognized_keys"
    ? `${[...issue.path, issue.keys[0]].join(".")} is not a known setting (misspelt?)`
    : firstProblem(error);
}

/** The first setting that does not go with the others, or names what could change unseen; undefined if there is none. */
function faultOf({ "sandbox-api": { image }, mesa, mirrors }: UpstreamFile): string | undefined {
  const { tag } = parseImageReference(image);
  if (tag === undefined || tag === "latest")
    return `sandbox-api.image is "${image}": it must name a version (…:0.2.50), never latest, which can change after a template is published`;
  // It is written into Dockerfiles, which take https only.
  if (mesa.repository.startsWith("http:"))
    return `mesa.repository is ${mesa.repository}: it must be https (a mirror may be named in mirrors.packages)`;
  // A first download relies on the connection alone.
  if (mesa.vouched === "first-download" && isPlainHttp(mirrors.packages))
    return `mirrors.packages is ${mirrors.packages ?? ""}: only the connection protects a first download, so it must be https (or a host of the private network)`;
  if (isPlainHttp(mirrors.downloads))
    return `mirrors.downloads is ${mirrors.downloads ?? ""}: it must be https, or a host of the private network`;
  if (mesa.vouched === "signed" && mesa.key === undefined)
    return 'mesa.key is missing: vouched = "signed" needs the file that holds the repository\'s public key';
  if (mesa.vouched === "first-download" && mesa.pool?.includes("{version}") !== true)
    return 'mesa.pool is missing, or lacks {version}: vouched = "first-download" needs the path of a .deb below the repository';
  return undefined;
}

/** Whether an address leaves the private network without encryption. */
function isPlainHttp(address: string | undefined): boolean {
  return address?.startsWith("http:") === true && !isPrivateNetwork(new URL(address).hostname);
}

/** A fingerprint as people write it (spaces, lower case, 0x), normalized to 40 or 64 upper-case hex digits. */
export function fingerprintFrom(text: string, where: string): string {
  const digits = text.replace(/\s+/gu, "").replace(/^0x/iu, "").toUpperCase();
  if (/^([0-9A-F]{40}|[0-9A-F]{64})$/u.test(digits)) return digits;
  throw new Failure({
    code: "BAD_FINGERPRINT",
    kind: "usage",
    message: `"${text}" (${where}) is not a key's full fingerprint: 40 hex digits (a short key id can be forged).`,
    hint: "gpg --show-keys FILE prints it.",
  });
}

function invalid(where: string, what: string): Failure {
  return new Failure({
    code: "UPSTREAM_INVALID",
    kind: "usage",
    message: `${where}: ${what}.`,
    hint: "templates/upstream.toml of the package is a commented example.",
  });
}
