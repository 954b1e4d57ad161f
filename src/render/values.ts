import type { Lock, LockedImage } from "../lock/lock";
import { imageReference } from "../lock/lock";
import { generationOf } from "../mesa/generation";
import { canonicalJson } from "../support/text/canonical-json";
import { digestOf } from "../support/text/digest";
import { checked } from "./grammar";
import type { TemplateSettings } from "./rendered";

/** A shell word for a Dockerfile with ARG DOWNLOAD_MIRROR. A mirror replaces "https://" and keeps the host as first part of the path. */
function throughMirror(url: string, from: string): string {
  return `\${DOWNLOAD_MIRROR:-https://}${checked(url, "https address", from).slice("https://".length)}`;
}

/** All values that a template can use, each checked for its place. */
export function valuesFor(settings: TemplateSettings, lock: Lock): Record<string, unknown> {
  const url = new URL(checked(lock.deb.url, "https address", "lock.json: deb.url"));
  const generation = generationOf(lock.mesaVersion);
  const image = (locked: LockedImage, from: string): Record<string, string> => ({
    reference: checked(imageReference(locked), "image reference", `lock.json: ${from}`),
    name: checked(`${locked.repository}:${locked.tag}`, "image reference", `lock.json: ${from}`),
    tag: checked(locked.tag, "word", `lock.json: ${from}.tag`),
    digest: locked.digest,
  });
  return {
    template: checked(lock.template, "name", "lock.json: template"),
    mesaVersion: checked(lock.mesaVersion, "word", "lock.json: mesaVersion"),
    lockDigest: digestOf(canonicalJson(lock)),
    base: image(lock.base, "base"),
    sandboxApi: image(lock.sandboxApi, "sandboxApi"),
    images: Object.fromEntries(
      Object.entries(lock.images ?? {}).map(([name, locked]) => [name, image(locked, `images.${name}`)]),
    ),
    downloads: Object.fromEntries(
      Object.entries(lock.downloads ?? {}).map(([name, locked]) => [
        name,
        {
          url: locked.url,
          address: throughMirror(locked.url, `lock.json: downloads.${name}.url`),
          sha256: locked.sha256,
          version: locked.version ?? "",
        },
      ]),
    ),
    deb: {
      url: url.href,
      // A shell word for a Dockerfile with ARG DEB_MIRROR. A mirror replaces scheme and host.
      address: `\${DEB_MIRROR:-${url.origin}}${checked(url.pathname, "path", "lock.json: deb.url")}`,
      sha256: checked(lock.deb.sha256, "word", "lock.json: deb.sha256"),
    },
    generation: { name: generation.name, noConfigFile: !generation.leavesCredentialOnDisk },
    snapshot:
      lock.snapshot === undefined
        ? false
        : {
            // The base image has no certificates for https, and apt verifies signatures over any connection.
            url: checked(lock.snapshot.url, "signed mirror's address", "lock.json: snapshot.url")
              .replace(/^https:/u, "http:")
              .replace(/\/+$/u, ""),
            at: checked(lock.snapshot.at, "word", "lock.json: snapshot.at"),
          },
    sandbox: {
      name: settings.sandbox.name,
      memory: settings.sandbox.memoryMegabytes,
      region: settings.sandbox.region ?? false,
      ports: settings.sandbox.ports,
    },
    values: Object.fromEntries(
      Object.entries(settings.values).map(([key, value]) => [
        key,
        checked(value, "plain text", `templates/${lock.template}/template.toml: values.${key}`),
      ]),
    ),
  };
}
