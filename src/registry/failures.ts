import { Failure } from "../support/errors";
import type { Unreachable } from "../support/http";

/** Nobody answers, or not now (exit 3). */
export function registryUnreachable(registry: string, error: Unreachable): Failure {
  return new Failure({
    code: "REGISTRY_UNREACHABLE",
    kind: "environment",
    message: `The image registry ${registry} cannot be reached: ${error.message} (${error.url}).`,
    hint: "Check the network and the proxy; a mirror can be named in upstream.toml (mirrors.images).",
    cause: error.cause,
  });
}

/** Credentials are missing or refused (exit 3). */
export function registryRefused(registry: string, repository: string, why: string): Failure {
  return new Failure({
    code: "REGISTRY_REFUSED",
    kind: "environment",
    message: `The image registry ${registry} refuses to show ${repository}: ${why}.`,
    hint: `If it is private, run docker login ${registry}, or set MESA_TEMPLATE_REGISTRY, MESA_TEMPLATE_REGISTRY_USERNAME and MESA_TEMPLATE_REGISTRY_PASSWORD; if it is public, check its name.`,
  });
}

/** The bytes are not those that were named (exit 4). */
export function wrongBytes(what: string, named: string, got: string): Failure {
  return new Failure({
    code: "REGISTRY_WRONG_BYTES",
    kind: "upstream",
    message: `${what} does not match its digest: the registry says ${named}, the bytes it sends have ${got}.`,
    hint: "Something between here and the registry changes what it hands out (a broken mirror, a proxy, or worse). Try without the mirror.",
  });
}

/** There is no such image (exit 4). */
export function imageNotFound(image: string, registry: string): Failure {
  return new Failure({
    code: "IMAGE_NOT_FOUND",
    kind: "upstream",
    message: `${registry} has no image ${image}.`,
    hint: "Check the name and the tag in template.toml (base.image) and upstream.toml (sandbox-api.image).",
  });
}

/** The registry's answer cannot be made sense of, or holds no image for linux/amd64 (exit 4). */
export function unusableImage(
  code: "IMAGE_FORMAT" | "IMAGE_PLATFORM_MISSING",
  message: string,
  hint?: string,
): Failure {
  return new Failure({ code, kind: "upstream", message, hint });
}
