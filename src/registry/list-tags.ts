import * as z from "zod/mini";
import { refusal } from "../support/errors";
import type { Host } from "../support/host";
import { openRepository } from "./client";
import { imageNotFound, statusOf } from "./failures";
import type { RegistryOptions } from "./resolve-image";
import { parsedJson } from "../support/text/parsed-json";

const tagsSchema = z.looseObject({ tags: z.nullable(z.array(z.string())) });
const MOST_PAGES = 50;

/**
 * All tags of an image's repository, in the registry's order, across pages (distribution spec, "Listing Tags"). Failures as in
 * resolveImage.
 */
export async function listTags(
  host: Host,
  image: string,
  options: RegistryOptions,
): Promise<readonly string[]> {
  const client = openRepository(host, image, { ...options, actions: "pull" });
  const { repository } = client.reference;
  const tags: string[] = [];
  let next: string | undefined = "tags/list?n=1000";
  for (let page = 0; next !== undefined && page < MOST_PAGES; page += 1) {
    const answer = await client.get(next, "application/json");
    if (answer.status === 404) throw imageNotFound(client, "");
    const parsed = answer.status === 200 ? z.safeParse(tagsSchema, parsedJson(answer.body)) : undefined;
    if (parsed?.success !== true)
      throw refusal(
        "IMAGE_FORMAT",
        `${client.registry} answers ${statusOf(answer)} for the tags of ${repository}, without a list.`,
      );
    tags.push(...(parsed.data.tags ?? []));
    next = nextPage(answer.headers.get("link"), answer.url);
  }
  return [...new Set(tags)];
}

/** The path of the next page from this page's Link header (RFC 8288), without its host: requests go to the registry only. */
export function nextPage(link: string | null, page: string): string | undefined {
  const target = link === null ? undefined : /<([^>]+)>\s*;[^,]*rel="?next"?/iu.exec(link)?.[1];
  if (target === undefined || !URL.canParse(target, page)) return undefined;
  const url = new URL(target, page);
  return url.pathname.startsWith("/v2/") ? url.pathname + url.search : undefined;
}
