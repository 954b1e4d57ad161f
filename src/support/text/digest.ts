import { createHash } from "node:crypto";

/** Lower-case hex sha256 of bytes or UTF-8 text. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The hex digits of a digest, without "sha256:". */
export function hexOf(digest: string): string {
  return digest.replace(/^sha256:/u, "");
}

/** A digest as registries write it: sha256:<hex>. */
export function digestOf(data: string | Uint8Array): string {
  return `sha256:${sha256(data)}`;
}
