import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { buildImage, hasImage, inputsHash } from "../engine";

/** ghcr.io/blaxel-ai/sandbox as it is since 0.2.47: FROM scratch, one file, no entrypoint, the labels its workflow writes. */
export async function ensureSandboxImage(docker: Docker, binary: string, version: string): Promise<string> {
  const program = await readFile(binary);
  const tag = `mesa-template-world/sandbox:${inputsHash("sandbox 2", version, program)}`;
  if (await hasImage(docker, tag)) return tag;
  await buildImage(
    docker,
    {
      Dockerfile: "FROM scratch\nCOPY sandbox-api /sandbox-api\n",
      "sandbox-api": { data: program, mode: 0o755 },
    },
    {
      tag,
      labels: {
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": "bfecd2e000000000000000000000000000000000",
        "org.opencontainers.image.source": "https://github.com/blaxel-ai/sandbox",
        "org.opencontainers.image.title": "sandbox",
      },
    },
  );
  return tag;
}
