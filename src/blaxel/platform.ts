import type { z } from "zod/mini";
import { Failure } from "../support/errors";
import { outputLines } from "../support/text/output-lines";
import { brokenBl, imageAnswer, jsonIn, reasonIn, sandboxAnswer } from "./bl-answers";
import { isPassing, refusal, refusalKind } from "./refusals";
import { runBl, type Bl, type BlAnswer } from "./run-bl";

/** A sandbox on Blaxel. */
export interface SandboxState {
  readonly name: string;
  /** One of UPLOADING, BUILDING, DEPLOYING, DEPLOYED, ARCHIVED, FAILED …; "" if Blaxel reports none. */
  readonly status: string;
  /** In Blaxel's notation: sandbox/NAME:TAG, or "". */
  readonly image: string;
  readonly url: string | undefined;
  readonly createdAt: string | undefined;
  /** Its environment variables; a hidden value is "". */
  readonly envs: Readonly<Record<string, string>>;
}

export interface ImageTag {
  readonly name: string;
  readonly createdAt: string;
}

interface ImageState {
  readonly status: string | undefined;
  readonly updatedAt: string | undefined;
  readonly tags: readonly ImageTag[];
}

export type Platform = ReturnType<typeof platformThrough>;

const READ_TIMEOUT_MS = 30_000;
/** The minimum time limit of one read, even after the deadline. */
const SHORTEST_READ_MS = 5_000;
const RETRIES = 5;
/** Retries of a read that timed out. */
const RETRIES_OF_HANGS = 2;
const LOG_LINES = 20;
const NO_LOGS = "No logs found for the specified time range and filters.";

/**
 * Blaxel through bl. Gateway errors and lost connections are retried; other refusals are Failures.
 * @param deadline after this time (ms since the epoch) nothing is retried, and no read takes much longer
 */
export function platformThrough(bl: Bl, deadline = Number.POSITIVE_INFINITY) {
  const { host } = bl;
  const run = (args: readonly string[]): Promise<BlAnswer> =>
    runBl(bl, [...args, "--skip-version-warning"], {
      timeoutMs: Math.min(READ_TIMEOUT_MS, Math.max(SHORTEST_READ_MS, deadline - host.clock.now())),
    });
  /** Undefined: it does not exist. */
  const ask = async (args: readonly string[], what: string): Promise<BlAnswer | undefined> => {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await run(args);
      if (answer.exitCode === 0 && !answer.timedOut) return answer;
      const broken = brokenBl(answer, what);
      const reason = reasonIn(answer);
      const again = answer.timedOut ? attempt < RETRIES_OF_HANGS : isPassing(reason) && attempt < RETRIES;
      if (!again || host.clock.now() >= deadline) {
        if (broken !== undefined) throw broken;
        if (refusalKind(reason) === "not-found") return undefined;
        throw refusal(`${what} ${answer.ending}: ${reason}`, reason, answer.lastLines);
      }
      await host.clock.sleep(Math.min(1000 * 2 ** attempt, 8000), host.signal);
    }
  };
  const read = async <Schema extends z.ZodMiniType>(
    args: readonly string[],
    what: string,
    schema: Schema,
  ): Promise<z.infer<Schema> | undefined> => {
    const answer = await ask(args, what);
    if (answer === undefined) return undefined;
    const parsed = schema.safeParse(jsonIn(answer.stdout));
    if (parsed.success) return parsed.data;
    throw new Failure({
      code: "BL_NO_JSON",
      kind: "environment",
      message: `${what} exited with 0, but its output is not the JSON that bl writes: ${parsed.error.issues[0]?.message ?? ""}`,
      log: answer.lastLines,
      hint: "Check with bl --version that this is the real bl.",
    });
  };
  return {
    async getSandbox(name: string): Promise<SandboxState | undefined> {
      const found = await read(
        ["get", "sandbox", name, "-o", "json"],
        `bl get sandbox ${name}`,
        sandboxAnswer,
      );
      const [sandbox] = found ?? [];
      if (sandbox === undefined) return undefined;
      const { metadata, spec, status } = sandbox;
      return {
        name: metadata.name,
        status: status ?? "",
        image: spec?.runtime?.image ?? "",
        url: metadata.url,
        createdAt: metadata.createdAt,
        envs: Object.fromEntries((spec?.runtime?.envs ?? []).map((env) => [env.name, env.value ?? ""])),
      };
    },
    async getImage(name: string): Promise<ImageState | undefined> {
      const found = await read(
        ["get", "image", `sandbox/${name}`, "-o", "json"],
        `bl get image sandbox/${name}`,
        imageAnswer,
      );
      const [image] = found ?? [];
      if (image === undefined) return undefined;
      return {
        status: image.metadata.status,
        updatedAt: image.metadata.updatedAt,
        tags: (image.spec?.tags ?? []).map((tag) => ({ name: tag.name, createdAt: tag.createdAt ?? "" })),
      };
    },
    /**
     * The last lines of the build and run log, oldest first; may be empty.
     * @param sinceMs only lines of this last while (default 30 minutes)
     */
    async logLines(name: string, sinceMs = 1_800_000): Promise<readonly string[]> {
      const period = `${String(Math.ceil(sinceMs / 60_000))}m`;
      const answer = await run(["logs", "sandbox", name, "--period", period, "--no-timestamps"]);
      if (answer.exitCode !== 0)
        return [`(bl logs sandbox ${name} ${answer.ending}: ${host.redact(reasonIn(answer))})`];
      return outputLines(answer.stdout)
        .filter((line) => line !== NO_LOGS)
        .slice(-LOG_LINES)
        .map((line) => host.redact(line));
    },
    /** @param reference sandbox/NAME:TAG */
    async deleteImage(reference: string): Promise<void> {
      await ask(["delete", "image", reference], `bl delete image ${reference}`);
    },
  };
}
