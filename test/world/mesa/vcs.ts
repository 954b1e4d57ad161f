import { createHash } from "node:crypto";
import { need } from "./callers";
import type { Exchange } from "./exchange";
import { notFound, Refusal } from "./refusal";
import { repoOf } from "./repositories";
import { addChange, filesOf, MAIN, VIRTUAL_ROOT, type Files, type StoredRepo } from "./state";

const shaOf = (data: Buffer): string => createHash("sha1").update(data).digest("hex");

/** The files of what a mount is at: "bookmark:NAME" or "change-id:ID". The first write to an empty repository makes its first change. @throws Refusal 404 */
function filesAt(repo: StoredRepo, at: string, writes: boolean): Files {
  const [kind, ...rest] = at.split(":");
  const name = rest.join(":");
  if (kind === "bookmark" && writes && repo.bookmarks.get(name) === VIRTUAL_ROOT)
    repo.bookmarks.set(name, addChange(repo, [VIRTUAL_ROOT], new Map()));
  const files = filesOf(repo, kind === "bookmark" ? repo.bookmarks.get(name) : name);
  if (files === undefined) throw notFound(`revision '${at}' not found`);
  return files;
}

/**
 * The content side, which stands for Mesa's gRPC service: /vcs/{org}/{repo}/tree (lines "size sha1<TAB>path") and
 * /vcs/{org}/{repo}/file?path= (GET, PUT, DELETE of the bytes; PUT answers with the sha1); both at a revision (&at=). Only the stand-in program speaks it.
 * @throws Refusal 403, 404
 */
export function answerVcs(exchange: Exchange): void {
  const { caller, method, url, body, response } = exchange;
  const [, , org = "", name = "", what = ""] = url.pathname.split("/");
  const repo = repoOf(exchange, org, name);
  if (!caller.mounts) throw new Refusal(403, "FORBIDDEN", "The token names no authors");
  need(caller, "read", repo);
  const at = url.searchParams.get("at") ?? `bookmark:${MAIN}`;
  const files = filesAt(repo, at, method === "PUT");
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
