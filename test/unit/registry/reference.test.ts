import { describe, expect, it } from "vitest";
import { parseImageReference, registryEndpoint } from "../../../src/registry/reference";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("an image's name", () => {
  it.each([
    ["debian", "docker.io", "library/debian", undefined, undefined],
    ["debian:bookworm-slim", "docker.io", "library/debian", "bookworm-slim", undefined],
    ["docker.io/library/alpine:3.22", "docker.io", "library/alpine", "3.22", undefined],
    ["docker.io/alpine:3.22", "docker.io", "library/alpine", "3.22", undefined],
    ["bitnami/git", "docker.io", "bitnami/git", undefined, undefined],
    ["ghcr.io/blaxel-ai/sandbox:0.2.50", "ghcr.io", "blaxel-ai/sandbox", "0.2.50", undefined],
    ["localhost/x", "localhost", "x", undefined, undefined],
    ["127.0.0.1:5000/a/b/c:t", "127.0.0.1:5000", "a/b/c", "t", undefined],
    [`ghcr.io/a/b:1@${DIGEST}`, "ghcr.io", "a/b", "1", DIGEST],
    [`ghcr.io/a/b@${DIGEST}`, "ghcr.io", "a/b", undefined, DIGEST],
  ])("%s", (text, registry, path, tag, digest) => {
    expect(parseImageReference(text)).toEqual({
      registry,
      path,
      repository: `${registry}/${path}`,
      tag,
      digest,
    });
  });

  it.each([
    "",
    "Debian",
    "debian:",
    "debian:a b",
    "ghcr.io/",
    "ghcr.io//x",
    "../x",
    "debian@sha256:12",
    `debian@${DIGEST}@x`,
    "debian\nRUN x",
    "ghcr.io/a:b:c",
    "ghcr.io:99999/a",
    "1.2.3.999/a",
  ])("%j is none", (text) => {
    expect(() => parseImageReference(text)).toThrow(
      expect.objectContaining({ code: "BAD_IMAGE_NAME", kind: "usage" }),
    );
  });
});

describe("where a repository's API is", () => {
  it.each([
    ["debian", undefined, "https://registry-1.docker.io/v2/library/debian"],
    ["ghcr.io/blaxel-ai/sandbox:1", undefined, "https://ghcr.io/v2/blaxel-ai/sandbox"],
    ["localhost:5000/x", undefined, "http://localhost:5000/v2/x"],
    ["debian", "127.0.0.1:47101/", "http://127.0.0.1:47101/v2/docker.io/library/debian"],
    [
      "ghcr.io/blaxel-ai/sandbox:1",
      "mirror.example.com/proxy/",
      "https://mirror.example.com/v2/proxy/ghcr.io/blaxel-ai/sandbox",
    ],
    ["debian", "10.0.0.1:5000/", "https://10.0.0.1:5000/v2/docker.io/library/debian"],
  ])("%s by mirror %s", (image, mirror, base) => {
    expect(registryEndpoint(parseImageReference(image), mirror).base).toBe(base);
  });
});
