import type { WorldTools } from "../part";
import { askBackend, backendUrl } from "./backend";
import { digestOf } from "./lists";

/** One repository of the backend. Asking for what is not there gives undefined; a refused change is thrown. */
export interface Repository {
  /** A manifest's bytes, by tag or digest, in one of the accepted media types. */
  manifest(reference: string, accept: string): Promise<Buffer | undefined>;
  blob(digest: string): Promise<Buffer | undefined>;
  putManifest(reference: string, mediaType: string, body: Buffer): Promise<void>;
  putBlob(blob: Buffer): Promise<void>;
  tags(): Promise<readonly string[]>;
  /** Deletes what a tag points at, and with it every tag that points at the same. */
  remove(tag: string, accept: string): Promise<void>;
}

/** A repository by way of the registry's HTTP API (the OCI distribution specification). */
export function repositoryOf(tools: WorldTools, name: string): Repository {
  const base = `${backendUrl(tools)}/v2/${name}`;
  const read = async (path: string, accept: string): Promise<Buffer | undefined> => {
    const answer = await askBackend(base + path, { headers: { Accept: accept } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.ok ? bytes : undefined;
  };
  const put = async (to: string | URL, mediaType: string, body: Buffer): Promise<void> => {
    const headers = { "Content-Type": mediaType };
    const answer = await askBackend(to, { method: "PUT", headers, body: new Uint8Array(body) });
    if (!answer.ok)
      throw new Error(
        `The registry refused a part of ${name}: ${String(answer.status)} ${await answer.text()}`,
      );
  };
  return {
    manifest: (reference, accept) => read(`/manifests/${reference}`, accept),
    blob: (digest) => read(`/blobs/${digest}`, "*/*"),
    putManifest: (reference, mediaType, body) => put(`${base}/manifests/${reference}`, mediaType, body),
    async putBlob(blob) {
      const digest = digestOf(blob);
      if ((await askBackend(`${base}/blobs/${digest}`, { method: "HEAD" })).ok) return;
      const begun = await askBackend(`${base}/blobs/uploads/`, { method: "POST" });
      const to = new URL(begun.headers.get("location") ?? "", base);
      to.searchParams.set("digest", digest);
      await put(to, "application/octet-stream", blob);
    },
    async tags() {
      const list = await read("/tags/list", "application/json");
      return list === undefined
        ? []
        : ((JSON.parse(list.toString("utf8")) as { tags: string[] | null }).tags ?? []);
    },
    async remove(tag, accept) {
      const answer = await askBackend(`${base}/manifests/${tag}`, {
        method: "HEAD",
        headers: { Accept: accept },
      });
      const digest = answer.headers.get("docker-content-digest");
      if (digest !== null) await askBackend(`${base}/manifests/${digest}`, { method: "DELETE" });
    },
  };
}
