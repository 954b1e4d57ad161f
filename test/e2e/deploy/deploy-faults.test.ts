import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { askBlaxel, countedRequests, deployPlace, ID, REAL_BL, type Answer } from "./deploy-place";
import { fault, forgetRequests, requests } from "../world";

const place = deployPlace();

beforeAll(() => place.prove());
afterEach(() => place.fresh());
afterAll(() => {
  place.remove();
});

interface Case {
  readonly name: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly when?: string;
  readonly code: number;
  readonly error: string;
  /** The other side's own words. */
  readonly says: string;
  /** Whether something was sent, so that the failure stands in the manifest. */
  readonly sent: boolean;
  readonly timeout?: string;
  /** The fault passes, and the next release sends anew and goes through. */
  readonly passes?: true;
  /** How often bl uploads. */
  readonly uploads?: number;
}

const POST = { method: "POST", path: "/sandboxes" };
const NOT_SENT = { when: "before anything is built", sent: false } as const;
const SENT = { when: "at the deploy", args: POST, sent: true } as const;

const OF_BLAXEL: readonly Case[] = [
  {
    name: "build-fails",
    code: 7,
    error: "REMOTE_BUILD_FAILED",
    says: "exit code: 100",
    sent: true,
    passes: true,
  },
  { name: "build-never-starts", code: 7, error: "BUILD_NOT_STARTED", says: "UPLOADING", sent: true },
  { name: "build-hangs", code: 7, error: "DEPLOY_TIMEOUT", says: "BUILDING", sent: true },
  {
    name: "upload-url-missing",
    code: 7,
    error: "BUILD_NOT_STARTED",
    says: "UPLOADING",
    sent: true,
    passes: true,
  },
  // bl tries five times, with pauses of about 20 s in all, and we do not begin anew.
  {
    name: "upload-refused",
    code: 7,
    error: "UPLOAD_REFUSED",
    says: "403 Forbidden",
    sent: true,
    timeout: "60s",
    uploads: 5,
  },
  { name: "sandbox-unhealthy", code: 7, error: "SANDBOX_UNHEALTHY", says: "502", sent: true },
  { name: "sandbox-crash-loop", code: 7, error: "SANDBOX_UNHEALTHY", says: "crash", sent: true },
  { name: "unauthorized", ...NOT_SENT, code: 3, error: "BLAXEL_UNAUTHORIZED", says: "Unauthorized" },
  { name: "unauthorized", ...SENT, code: 3, error: "BLAXEL_UNAUTHORIZED", says: "Unauthorized" },
  { name: "forbidden", ...NOT_SENT, code: 3, error: "BLAXEL_FORBIDDEN", says: "access to this workspace" },
  { name: "forbidden", ...SENT, code: 3, error: "BLAXEL_FORBIDDEN", says: "access to this workspace" },
  { name: "quota", code: 7, error: "BLAXEL_QUOTA", says: "memory quota exceeded for your tier", sent: true },
  { name: "gateway-html", ...SENT, code: 7, error: "BLAXEL_GATEWAY", says: "502 Bad Gateway" },
];

/** Faults that only the stand-in bl has. */
const OF_BL: readonly Case[] = [
  { name: "bl-panics", code: 3, error: "BL_PANIC", says: "panic: runtime error", sent: false },
  { name: "bl-no-json", code: 3, error: "BL_NO_JSON", says: "Deployed.", sent: false },
  { name: "bl-old", ...NOT_SENT, code: 3, error: "BL_TOO_OLD", says: "0.1.90" },
  { name: "bl-hangs", code: 3, error: "BL_HANGS", says: "timed out after", sent: false, timeout: "5s" },
  {
    name: "bl-hangs",
    args: { command: "get" },
    when: "while it asks",
    code: 3,
    error: "BL_HANGS",
    says: "bl get",
    sent: false,
  },
];

/** Programs of this world's bl that run: the sleep that a hanging bl starts. */
function sleepers(): readonly string[] {
  const ours = `BL_API_URL=${process.env["BL_API_URL"] ?? ""}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return command.startsWith("sleep\0") && readFileSync(`/proc/${pid}/environ`, "utf8").includes(ours);
      } catch {
        return false;
      }
    });
}

// Those of a program that another file's test killed.
const before = sleepers();
const leftOver = (): readonly string[] => sleepers().filter((pid) => !before.includes(pid));

describe("a deploy that fails says why, and records nothing as deployed", () => {
  async function holdsTo(expected: Case): Promise<void> {
    const { name, args, code, error, says, sent, timeout = "12s", passes, uploads } = expected;
    await fault(name, passes && 1, args);
    await forgetRequests();
    const ran = await place.release(["--deploy-timeout", timeout]);
    const answer = ran.json<Answer>();
    expect([ran.code, answer.error?.code], JSON.stringify(answer.error)).toEqual([code, error]);
    expect([answer.error?.message, ...(answer.error?.log ?? [])].join("\n")).toContain(says);
    expect(answer.error?.hint).toBeTruthy();
    const recorded = { status: "failed", deployment: null, failure: { stage: "deploy", code: error } };
    if (sent) expect(place.entry()).toMatchObject(recorded);
    else expect(place.entry()).toBeUndefined();
    if (uploads !== undefined) expect((await countedRequests())["PUT upload"]).toBe(uploads);
    expect(leftOver()).toEqual([]);
    if (passes === undefined) return;
    const again = await place.release();
    expect(again.code, again.stdout).toBe(0);
    expect(place.entry()).toMatchObject({ status: "deployed", failure: null });
  }
  it.each(OF_BLAXEL)("$name $when", holdsTo);
  it.skipIf(REAL_BL).each(OF_BL)("$name $when (a fault of the stand-in bl)", holdsTo);

  it("bl is missing", async () => {
    const ran = await place.release([], { env: { PATH: "/usr/bin:/bin" } });
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([3, "BL_MISSING"]);
    expect(place.entry()).toBeUndefined();
  });
});

describe.skipIf(REAL_BL)("bl (the stand-in, which hangs) is ended with every program that it started", () => {
  it("on Ctrl-C", async () => {
    await fault("bl-hangs", undefined, { command: "get" });
    let [interrupted, ...seen]: [boolean, ...string[]] = [false];
    const ran = await place.release(["--deploy-timeout", "60s"], {
      onStderr: (text, pid) => {
        if (interrupted || !text.includes("deploy …")) return;
        interrupted = true;
        setTimeout(() => {
          seen = [...leftOver()];
          process.kill(pid, "SIGINT");
        }, 4_000);
      },
    });
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([130, "INTERRUPTED"]);
    expect(seen).not.toEqual([]);
    expect(leftOver()).toEqual([]);
  });
});

describe("nothing new is not success by accident", () => {
  it.each(["update-dropped", "image-unchanged"])("%s", async (name) => {
    expect((await place.release()).code).toBe(0);
    const changed = (text: string): string => text.replace("EXPOSE 8080", "ENV SECOND=1\nEXPOSE 8080");
    await fault(name);
    const ran = await place.withChangedSource("Dockerfile.hbs", changed, () => place.release());
    expect([ran.code, ran.json<Answer>().error?.code], ran.stdout).toEqual([7, "NOTHING_NEW"]);
    expect(ran.json<Answer>().error?.message).toMatch(/still runs sandbox\/mesa-alpine:[a-z0-9]{12}/u);
    expect(place.entry("alpine@0.20.0-2")).toMatchObject({ status: "failed", deployment: null });
    expect(place.entry()?.status).toBe("deployed");
  });
});

describe("never harm", () => {
  it("refuses a sandbox of that name that another program made, unless --adopt", async () => {
    await askBlaxel("POST", "/sandboxes", {
      metadata: { name: "mesa-alpine" },
      spec: { runtime: { image: "blaxel/base-image:latest" } },
    });
    await forgetRequests();
    const refused = await place.release();
    expect([refused.code, refused.json<Answer>().error?.code]).toEqual([7, "SANDBOX_NOT_OURS"]);
    expect((await requests("blaxel")).filter(({ method }) => method !== "GET")).toEqual([]);
    expect(place.entry()).toBeUndefined();
    const adopted = await place.release(["--adopt"]);
    expect(adopted.code, adopted.stdout).toBe(0);
  });

  it("refuses one that another program deleted and created again, though the name is in the manifest", async () => {
    expect((await place.release()).code).toBe(0);
    await askBlaxel("DELETE", "/sandboxes/mesa-alpine");
    await askBlaxel("POST", "/sandboxes", {
      metadata: { name: "mesa-alpine" },
      spec: { runtime: { image: "blaxel/base-image:latest" } },
    });
    const refused = await place.release(["--force"]);
    expect([refused.code, refused.json<Answer>().error?.code]).toEqual([7, "SANDBOX_NOT_OURS"]);
  });

  it("refuses a field that bl would silently drop, with the reason", async () => {
    await forgetRequests();
    const ran = await place.withChangedSource(
      "blaxel.toml.hbs",
      (text) => `entrypoint = { prod = "x" }\n${text}`,
      () => place.release(),
    );
    expect([ran.code, ran.json<Answer>().error?.code]).toEqual([2, "BLAXEL_TOML"]);
    expect(ran.json<Answer>().error?.message).toMatch(/^blaxel.toml: entrypoint: .*bl/u);
    expect((await countedRequests())["POST sandboxes"]).toBeUndefined();
    expect(place.entry(ID)?.deployment ?? null).toBeNull();
  });

  it.skipIf(REAL_BL)("leaves nothing of the stand-in bl's behind, whether it went well or not", async () => {
    const tmp = join(place.root, "own-tmp");
    mkdirSync(tmp, { recursive: true });
    expect((await place.release([], { env: { TMPDIR: tmp } })).code).toBe(0);
    expect(readdirSync(tmp)).toEqual([]);
    await place.fresh();
    await fault("bl-panics");
    expect((await place.release([], { env: { TMPDIR: tmp } })).code).toBe(3);
    expect(readdirSync(tmp)).toEqual([]);
  });
});
