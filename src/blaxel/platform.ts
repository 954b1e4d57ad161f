import type { z } from "zod/mini";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { imageAnswer, sandboxAnswer } from "./answers";
import { jsonIn } from "./bl-json";
import { refusalFailure, refusalKind } from "./refusals";
import { runBl, type BlAnswer, type BlSession } from "./run-bl";

/** A sandbox as Blaxel holds it. */
export interface SandboxState {
  readonly name: string;
  readonly status: string;
  /** As Blaxel says it: sandbox/NAME:TAG, or "". */
  readonly image: string;
  readonly url: string | undefined;
  readonly updatedAt: string | undefined;
  readonly region: string | undefined;
  readonly envNames: readonly string[];
}

export interface ImageTag {
  readonly name: string;
  readonly createdAt: string;
}

export interface ImageState {
  readonly status: string | undefined;
  readonly updatedAt: string | undefined;
  readonly tags: readonly ImageTag[];
}

/** What this program asks Blaxel through bl. Gateway errors and lost connections are retried; other refusals are Failures. */
export interface Platform {
  getSandbox(name: string): Promise<SandboxState | undefined>;
  getImage(name: string): Promise<ImageState | undefined>;
  /** The last lines of the build and run log, oldest first; empty when there are none or they cannot be had. */
  logLines(name: string): Promise<readonly string[]>;
  deleteSandbox(name: string): Promise<void>;
  /** `reference` is sandbox/NAME:TAG. */
  deleteImage(reference: string): Promise<void>;
  /** How many times bl was run to ask, for the report of a stage. */
  readonly calls: () => number;
}

const READ_TIMEOUT_MS = 60_000;
const RETRIES = 5;

/** A Platform over a bl that was found and inspected. */
export function platformThrough(host: Host, bl: string, session: BlSession): Platform {
  let calls = 0;
  const ask = async (args: readonly string[], what: string): Promise<BlAnswer> => {
    for (let attempt = 0; ; attempt += 1) {
      calls += 1;
      const answer = await runBl(host, bl, session, [...args, "--skip-version-warning"], {
        timeoutMs: READ_TIMEOUT_MS,
      });
      if (answer.exitCode === 0) return answer;
      const text = `${answer.stdout}\n${answer.stderr}`;
      const passing = ["gateway", "network"].includes(refusalKind(text)) || answer.timedOut;
      if (!passing || attempt >= RETRIES) {
        if (refusalKind(text) === "not-found") return answer;
        throw refusalFailure(what, answer.ending, text, answer.lastLines);
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
    if (answer.exitCode !== 0) return undefined;
    const parsed = schema.safeParse(jsonIn(answer.stdout));
    if (parsed.success) return parsed.data;
    throw new Failure({
      code: "BL_NO_JSON",
      kind: "environment",
      message: `${what} exited with 0 but its answer is not the JSON that bl gives: ${parsed.error.issues[0]?.message ?? ""}`,
      log: answer.lastLines,
      hint: "Is that the real bl? Check with bl --version.",
    });
  };
  return {
    calls: () => calls,
    async getSandbox(name) {
      const found = await read(
        ["get", "sandbox", name, "-o", "json"],
        `bl get sandbox ${name}`,
        sandboxAnswer,
      );
      const [sandbox] = found ?? [];
      if (sandbox === undefined) return undefined;
      return {
        name: sandbox.metadata.name,
        status: sandbox.status,
        image: sandbox.spec.runtime?.image ?? "",
        url: sandbox.metadata.url,
        updatedAt: sandbox.metadata.updatedAt,
        region: sandbox.spec.region,
        envNames: (sandbox.spec.runtime?.envs ?? []).map((env) => env.name),
      };
    },
    async getImage(name) {
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
        tags: (image.spec.tags ?? []).map((tag) => ({ name: tag.name, createdAt: tag.createdAt ?? "" })),
      };
    },
    async logLines(name) {
      calls += 1;
      const answer = await runBl(
        host,
        bl,
        session,
        ["logs", "sandbox", name, "--period", "30m", "--no-timestamps", "--skip-version-warning"],
        { timeoutMs: READ_TIMEOUT_MS },
      );
      if (answer.exitCode !== 0) return [];
      return answer.stdout
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-20)
        .map((line) => host.redact(line));
    },
    async deleteSandbox(name) {
      await ask(["delete", "sandbox", name], `bl delete sandbox ${name}`);
    },
    async deleteImage(reference) {
      await ask(["delete", "image", reference], `bl delete image ${reference}`);
    },
  };
}
