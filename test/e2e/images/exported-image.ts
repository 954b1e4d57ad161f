import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import Docker from "dockerode";
import { extract } from "tar-stream";
import type { Engine } from "../../../src/docker/index";

const KINDS: Readonly<Record<string, string>> = {
  file: "file",
  link: "file",
  directory: "directory",
  symlink: "symlink",
};

/** What every container has, whatever its image. */
const ENGINES_OWN =
  /^\/(?:\.dockerenv|run\/\.containerenv|etc\/(?:hosts|hostname|resolv\.conf|mtab)|(?:dev|proc|sys)(?:\/.*)?)$/u;

interface Exported {
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly content: string;
}

/** The files of a container that an engine made of an image, as it exports them: the engine's own word on what its layers come to. */
export async function exportedImage(engine: Engine, image: string): Promise<ReadonlyMap<string, Exported>> {
  const container = await engine.createContainer({ image, cmd: ["true"] });
  try {
    const found = new Map<string, Exported>();
    const docker = new Docker({ socketPath: new URL(engine.facts.address).pathname });
    const exported = (await docker.getContainer(container).export()) as unknown as Readable;
    for await (const entry of exported.pipe(extract())) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
      const { name, type, mode, uid, gid, size, linkname } = entry.header;
      const path = `/${name.replace(/^(?:\.?\/)+/u, "").replace(/\/+$/u, "")}`;
      const kind = KINDS[type] ?? "other";
      const data = createHash("sha256").update(Buffer.concat(chunks)).digest("hex").slice(0, 16);
      const first = type === "link" ? found.get(`/${linkname.replace(/^(?:\.?\/)+/u, "")}`) : undefined;
      found.set(path, {
        kind,
        mode: mode & 0o7777,
        uid,
        gid,
        sizeBytes: first?.sizeBytes ?? (kind === "file" ? size : 0),
        content: first?.content ?? (kind === "symlink" ? linkname : kind === "file" ? data : ""),
      });
    }
    return new Map([...found].filter(([path]) => path !== "/" && !ENGINES_OWN.test(path)));
  } finally {
    await engine.removeContainer(container);
  }
}
