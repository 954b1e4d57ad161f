import { createHash } from "node:crypto";
import { answerJson } from "../part";
import type { Exchange } from "./exchange";
import { notFound } from "./refusal";
import { filesOf, MAIN, type StoredRepo } from "./state";

const nameOf = (path: string): string => path.split("/").at(-1) ?? "";
const shaOf = (data: Buffer | string): string => createHash("sha1").update(data).digest("hex");

/** GET /v1/{org}/{repo}/content?path=&change_id=: a file with its contents, or a folder with what lies directly in it. @throws Refusal 404 */
export function answerContent({ url, response }: Exchange, repo: StoredRepo): void {
  const id = url.searchParams.get("change_id") ?? repo.bookmarks.get(MAIN);
  const files = filesOf(repo, id);
  if (files === undefined) throw notFound(`change '${String(id)}' not found`);
  const path = (url.searchParams.get("path") ?? "").replace(/^\/+|\/+$/gu, "");
  const data = files.get(path);
  if (data !== undefined) {
    answerJson(response, 200, {
      ...entry(path, data),
      encoding: "base64",
      content: data.toString("base64"),
    });
    return;
  }
  const below = path === "" ? "" : `${path}/`;
  const inside = [...files].filter(([file]) => file.startsWith(below));
  if (inside.length === 0 && path !== "") throw notFound(`path '${path}' not found`);
  const children = new Map(
    inside.map(([file, contents]) => {
      const [child = "", ...deeper] = file.slice(below.length).split("/");
      return [child, entry(`${below}${child}`, deeper.length > 0 ? undefined : contents)];
    }),
  );
  answerJson(response, 200, {
    ...entry(path, undefined),
    child_count: children.size,
    entries: url.searchParams.get("depth") === "0" ? [] : [...children.values()],
  });
}

function entry(path: string, data: Buffer | undefined): object {
  if (data === undefined) return { type: "dir", name: nameOf(path), path, sha: shaOf(path) };
  return { type: "file", name: nameOf(path), path, sha: shaOf(data), size: data.length, mode: "100644" };
}
