import type { ServerResponse } from "node:http";
import type { WorldTools } from "../part";
import type { Caller } from "./callers";
import { badRequest } from "./refusal";
import type { MesaState } from "./state";

/** One request with what is needed to answer it. */
export interface Exchange {
  readonly faults: WorldTools["faults"];
  readonly state: MesaState;
  readonly caller: Caller;
  readonly method: string;
  readonly url: URL;
  readonly body: Buffer;
  readonly response: ServerResponse;
}

/** The body as a JSON object. @throws Refusal 400 */
export function jsonBody(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    throw badRequest("The body is not JSON");
  }
  if (typeof value !== "object" || value === null) throw badRequest("The body is not an object");
  return value as Readonly<Record<string, unknown>>;
}

/**
 * The page that ?limit and ?cursor ask for. A cursor is the position of the page's first item.
 * @throws Refusal 400
 */
export function pageOf<T>(
  url: URL,
  all: readonly T[],
): { readonly items: readonly T[]; readonly next_cursor: string | null; readonly has_more: boolean } {
  const limit = Number(url.searchParams.get("limit") ?? "100");
  const start = Number(url.searchParams.get("cursor") ?? "0");
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw badRequest("limit must be between 1 and 100");
  if (!Number.isInteger(start) || start < 0) throw badRequest("cursor is not valid");
  const end = start + limit;
  const has_more = end < all.length;
  return { items: all.slice(start, end), next_cursor: has_more ? String(end) : null, has_more };
}
