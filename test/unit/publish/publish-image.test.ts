import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/docker/index";
import { confirmPublished, publishImage } from "../../../src/publish/publish-image";
import { digestOf } from "../../../src/support/text/digest";
import { Failure } from "../../../src/support/errors";
import { serve, type LocalServer } from "../lock/fixture/serve";
import { testHost } from "../lock/fixture/test-host";

const PROVEN = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;
const manifestOf = (config: string): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
    layers: [],
  });
const digestIn = (config: string): string => digestOf(Buffer.from(manifestOf(config)));

let server: LocalServer;
/** What the registry holds, by tag or digest. */
let held: Map<string, string>;
let refuses: boolean;
let pushes: string[];
/** What the registry holds under the tag after a push. */
let arrives: string;
/** Whether the next push breaks off. */
let breaks: boolean;

beforeEach(async () => {
  held = new Map<string, string>();
  [refuses, pushes, arrives, breaks] = [false, [] as string[], PROVEN, false];
  server = await serve((request, path) => {
    if (refuses) return { status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}' };
    if (request.method === "POST")
      return { status: 202, headers: { location: "/v2/boxes/debian/blobs/uploads/1" } };
    if (request.method === "DELETE") return { status: 204 };
    const body = held.get(path.split("/").at(-1) ?? "");
    return body === undefined ? { status: 404 } : { body };
  });
});
afterEach(() => server.close());

function hold(tag: string, config: string): void {
  held.set(tag, manifestOf(config));
  held.set(digestIn(config), manifestOf(config));
}

const engine = {
  facts: { idsAreConfigDigests: true },
  image: (name: string) => Promise.resolve(name === PROVEN ? { id: PROVEN } : undefined),
  push: ({ image, repository, tag }: { image: string; repository: string; tag: string }) => {
    pushes.push(`${image} ${repository}:${tag}`);
    if (breaks) {
      breaks = false;
      return Promise.reject(new Failure({ code: "PUSH_FAILED", kind: "deploy", message: "EOF" }));
    }
    hold(tag, arrives);
    return Promise.resolve();
  },
} as unknown as Engine;

const reference = (): string => `${server.host}/boxes/debian:0.26.0-1`;
const publish = (
  more: { readonly recorded?: readonly string[]; readonly force?: boolean; readonly imageId?: string } = {},
) =>
  publishImage(testHost(), () => Promise.resolve(engine), {
    reference: reference(),
    imageId: PROVEN,
    builtReference: "mesa-template/debian:0.26.0-x",
    recorded: [],
    force: false,
    onProgress: () => undefined,
    ...more,
  });

describe("publishing a proven image", () => {
  it("pushes it, and answers with the digest of the bytes that the registry holds", async () => {
    const { published, reused } = await publish();
    expect(reused).toBe(false);
    expect(published).toEqual({ reference: reference(), digest: digestIn(PROVEN) });
    expect(pushes).toEqual([`${PROVEN} ${reference()}`]);
  });

  it("pushes nothing where the registry holds it already", async () => {
    hold("0.26.0-1", PROVEN);
    expect((await publish()).reused).toBe(true);
    expect(pushes).toEqual([]);
  });

  it("pushes again after a push that broke off, and then never again", async () => {
    breaks = true;
    await expect(publish()).rejects.toMatchObject({ code: "PUSH_FAILED" });
    expect((await publish()).reused).toBe(false);
    expect((await publish()).reused).toBe(true);
    expect(pushes).toHaveLength(2);
  });

  it("does not replace a tag that another project made", async () => {
    hold("0.26.0-1", OTHER);
    await expect(publish()).rejects.toMatchObject({ code: "TAG_TAKEN", kind: "deploy" });
    expect(pushes).toEqual([]);
  });

  it.each([{ force: true }, { recorded: [digestIn(OTHER)] }])(
    "replaces it with --force, and where this project recorded it: %o",
    async (more) => {
      hold("0.26.0-1", OTHER);
      expect((await publish(more)).published.digest).toBe(digestIn(PROVEN));
    },
  );

  it("believes the registry, not the engine", async () => {
    arrives = OTHER;
    await expect(publish()).rejects.toMatchObject({ code: "PUSHED_IMAGE_DIFFERS", kind: "upstream" });
  });

  it("says that the image is gone from the engine", async () => {
    await expect(publish({ imageId: OTHER })).rejects.toMatchObject({
      code: "IMAGE_GONE",
      kind: "environment",
    });
  });

  it("asks the registry before the engine whether this login may push", async () => {
    refuses = true;
    await expect(publish()).rejects.toMatchObject({ code: "PUSH_REFUSED", kind: "environment" });
    expect(pushes).toEqual([]);
  });
});

describe("a published image, right before it is deployed", () => {
  const confirm = (): Promise<void> =>
    confirmPublished(testHost(), { reference: reference(), digest: digestIn(PROVEN) });

  it("is there under its tag and by its digest", async () => {
    hold("0.26.0-1", PROVEN);
    await expect(confirm()).resolves.toBeUndefined();
  });

  it("is not deployed when its tag moved or went", async () => {
    hold("0.26.0-1", PROVEN);
    hold("0.26.0-1", OTHER);
    await expect(confirm()).rejects.toMatchObject({ code: "TAG_MOVED", kind: "deploy" });
    held.delete("0.26.0-1");
    await expect(confirm()).rejects.toMatchObject({ code: "TAG_MOVED", kind: "deploy" });
  });

  it("is not deployed when the registry lost it", async () => {
    await expect(confirm()).rejects.toMatchObject({ code: "PUBLISHED_IMAGE_GONE", kind: "upstream" });
  });

  it("is not deployed when the registry sends other bytes than the digest says", async () => {
    hold("0.26.0-1", PROVEN);
    held.set(digestIn(PROVEN), manifestOf(OTHER));
    await expect(confirm()).rejects.toMatchObject({ code: "REGISTRY_WRONG_BYTES" });
  });
});
