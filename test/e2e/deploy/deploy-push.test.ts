import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeZip } from "../../world/bl/zip";
import { askBlaxel, countedRequests, deployPlace, REAL_BL, type Answer } from "./deploy-place";
import type { Ran } from "../program";
import { fault, forgetRequests, state } from "../world";

const place = deployPlace();

beforeAll(() => place.prove());
afterEach(() => place.fresh());
afterAll(() => {
  place.remove();
});

const push = (extra: readonly string[] = []): Promise<Ran> =>
  place.release(["--publish", "push", "--deploy-timeout", "60s", ...extra]);
const changed = (text: string): string => text.replace("EXPOSE 8080", "ENV SECOND=1\nEXPOSE 8080");

/** The image that a push recorded, which is the world's newest tag, and no sandbox. */
async function expectPushed(ran: Ran, tags: number): Promise<void> {
  expect(ran.code, ran.stdout).toBe(0);
  const world = await state();
  expect(world.sandboxes).toEqual([]);
  expect(world.images[0]?.tags).toHaveLength(tags);
  expect(ran.json<Answer>().results?.[0]?.deployment?.image).toBe(
    `sandbox/mesa-alpine:${world.images[0]?.tags.at(-1) ?? ""}`,
  );
}

/** What anybody may push to the same name. */
async function pushSomethingElse(
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number }> {
  const taken = await askBlaxel("POST", "/images?upload=true", {
    name: "mesa-alpine",
    resourceType: "sandbox",
  });
  const file = {
    name: "Dockerfile",
    data: Buffer.from("FROM scratch\nLABEL a=b\n"),
    mode: 0o644,
    mtime: new Date(),
  };
  return fetch(taken.headers.get("x-blaxel-upload-url") ?? "", {
    method: "PUT",
    headers: { "Content-Type": "application/zip", ...headers },
    body: new Uint8Array(makeZip([file])),
  });
}

/** Releases with a push, and kills that run so many ms after bl push begins. */
async function killPushAfter(ms: number): Promise<void> {
  let killed = false;
  await place.release(["--publish", "push"], {
    onStderr: (text, pid) => {
      if (killed || !text.includes("bl push")) return;
      killed = true;
      setTimeout(() => process.kill(pid, "SIGKILL"), ms);
    },
  });
  expect(killed).toBe(true);
}

describe("the world's upload address", () => {
  it("takes the headers that it was signed for, and no others", async () => {
    const header = "x-amz-meta-x-blaxel-build-memory";
    expect((await pushSomethingElse({ [header]: "8192" })).status).toBe(403);
    await fault("upload-signed-headers", undefined, { names: [header] });
    expect((await pushSomethingElse()).status).toBe(403);
    expect((await pushSomethingElse({ [header]: "8192" })).status).toBe(200);
  });
});

describe("bl push", () => {
  it("makes an image and no sandbox, with a bounded number of requests", async () => {
    await forgetRequests();
    await expectPushed(await push(), 1);
    const { "GET images": looks = 0, "GET observability": logLooks = 0, ...others } = await countedRequests();
    expect(others).toEqual({ "GET workspaces": 1, "POST images": 1, "PUT upload": 1 });
    expect(looks).toBeLessThanOrEqual(6);
    // bl streams the build log while it waits.
    expect(logLooks).toBeLessThanOrEqual(6);
  });

  it("does not believe a BUILT that is left over from the push before", async () => {
    await expectPushed(await push(), 1);
    // bl looks after 5 s, and believes what it sees.
    await fault("failed-left-over", 1, { ms: 7000 });
    await expectPushed(await place.withChangedSource("Dockerfile.hbs", changed, () => push()), 2);
  });

  it("does not believe a FAILED that is left over from the push before", async () => {
    await fault("build-fails", 1);
    expect((await push()).code).toBe(7);
    await fault("failed-left-over", 1, { ms: 7000 });
    await expectPushed(await push(), 1);
  });

  it.each([
    { name: "build-fails", code: 7, error: "REMOTE_BUILD_FAILED", says: "exit code: 100" },
    { name: "build-hangs", code: 7, error: "DEPLOY_TIMEOUT", says: "build timed out after" },
    {
      name: "upload-url-missing",
      code: 7,
      error: "UPLOAD_REFUSED",
      says: "no upload URL returned from server",
    },
    { name: "unauthorized", code: 3, error: "BLAXEL_UNAUTHORIZED", says: "Unauthorized" },
  ])("$name: says why, and records nothing as deployed", async ({ name, code, error, says }) => {
    await fault(name, undefined, /ed$|en$/u.test(name) ? { method: "POST", path: "/images" } : {});
    const ran = await push(["--deploy-timeout", "12s"]);
    const answer = ran.json<Answer>();
    expect([ran.code, answer.error?.code], ran.stdout).toEqual([code, error]);
    expect([answer.error?.message, ...(answer.error?.log ?? [])].join("\n")).toContain(says);
    expect(place.entry()).toMatchObject({ status: "failed", deployment: null, failure: { code: error } });
  });

  it("tells a source that is not built again from a success", async () => {
    await expectPushed(await push(), 1);
    await fault("image-unchanged");
    const ran = await place.withChangedSource("Dockerfile.hbs", changed, () =>
      push(["--deploy-timeout", "40s"]),
    );
    expect([ran.code, ran.json<Answer>().error?.code], ran.stdout).toEqual([7, "NOTHING_NEW"]);
  });

  it.skipIf(REAL_BL)(
    "does not take somebody else's image for the one of a push that was killed before its upload (bl hangs)",
    async () => {
      await fault("bl-hangs", 1, { command: "push" });
      await killPushAfter(1_000);
      expect((await pushSomethingElse()).status).toBe(200);
      await expect.poll(async () => (await state()).images[0]?.tags.length, { timeout: 40_000 }).toBe(1);
      const ran = await push();
      const { error } = ran.json<Answer>();
      expect([ran.code, error?.code], ran.stdout).toEqual([7, "PUSH_UNCLEAR"]);
      expect(error?.message).toContain((await state()).images[0]?.tags[0]);
      await expectPushed(await push(["--force"]), 2);
    },
  );

  it("resumes a killed push, without pushing again", async () => {
    await fault("build-hangs", 1, { ms: 3000 });
    await killPushAfter(3_000);
    expect(place.entry()).toBeUndefined();
    await expect.poll(async () => (await state()).images[0]?.tags.length, { timeout: 40_000 }).toBe(1);
    await forgetRequests();
    await expectPushed(await push(), 1);
    expect((await countedRequests())["POST images"]).toBeUndefined();
  });
});
