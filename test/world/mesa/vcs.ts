import { createHash } from "node:crypto";
import { need } from "./callers";
import type { Exchange } from "./exchange";
import { notFound, Refusal } from "./refusal";
import { repoOf } from "./repositories";

const shaOf = (data: Buffer): string => createHash("sha1").update(data).digest("hex");

/**
 * The content side, which stands for Mesa's gRPC service: /vcs/{org}/{repo}/tree (lines "size sha1<TAB>path") and
 * /vcs/{org}/{repo}/file?path= (GET, PUT, DELETE of the bytes; PUT answers with the sha1). Only the stand-in program speaks it.
 * @throws Refusal 403, 404
 */
export function answerVcs(exchange: Exchange): void {
  const { caller, method, url, body, response } = exchange;
  const [, , org = "", name = "", what = ""] = url.pathname.split("/");
  const repo = repoOf(exchange, org, name);
  if (!caller.mounts) throw new Refusal(403, "FORBIDDEN", "The token names no authors");
  need(caller, "read", repo);
  const { files } = repo;
  const path = url.searchParams.get("path") ?? "";
  const give = (bytes: Buffer): void => {
    response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": bytes.length });
    response.end(bytes);
  };
  if (what === "tree") {
    give(
      Buffer.from(
        [...files].map(([file, data]) => `${String(data.length)} ${shaOf(data)}\t${file}\n`).join(""),
      ),
    );
    return;
  }
  const data = files.get(path);
  if (method === "PUT") {
    need(caller, "write", repo);
    files.set(path, body);
    give(Buffer.from(shaOf(body)));
    return;
  }
  if (data === undefined) throw notFound(`path '${path}' not found`);
  if (method === "DELETE") {
    need(caller, "write", repo);
    files.delete(path);
    give(Buffer.alloc(0));
    return;
  }
  give(data);
}
