import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BuildEnding } from "../docker/index";
import type { RenderedFile } from "../render/rendered";
import { Failure } from "../support/errors";
import { withTemporaryFolder } from "../support/files/files";
import type { Host } from "../support/host";
import { othersEnvironment } from "../support/processes/process";
import { buildxProgress } from "./buildx-progress";

/** A build on a buildx builder. */
export interface BuildxRequest {
  readonly template: string;
  /** Name of the builder, as `docker buildx ls` shows it. */
  readonly builder: string;
  readonly files: readonly RenderedFile[];
  readonly tag: string;
  readonly platform: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** After this time without output, a build counts as hung, in ms. */
  readonly timeoutMs: number;
  readonly onLine: (line: string) => void;
  readonly onStep: (step: string) => void;
}

const INSTALL =
  "Install Docker's buildx plugin (the package docker-buildx-plugin or docker-buildx; github.com/docker/buildx), or leave --builder out: then the engine builds.";

/** @throws Failure BUILDX_MISSING (exit 3) */
async function requireBuildx(host: Host): Promise<void> {
  const found = await host.run({
    command: "docker",
    args: ["buildx", "version"],
    env: othersEnvironment(host.env),
    timeoutMs: 30_000,
    signal: host.signal,
  });
  if (found.exitCode === 0) return;
  throw new Failure({
    code: "BUILDX_MISSING",
    kind: "environment",
    message:
      found.spawnError === undefined
        ? "--builder needs docker buildx, and this docker does not have it."
        : "--builder needs docker buildx, and there is no docker on PATH.",
    log: found.stderr.split("\n").filter((line) => line.trim() !== ""),
    hint: INSTALL,
  });
}

/** The arguments of the build: labels, mirrors and names, nothing secret. */
export function buildxArguments(request: BuildxRequest, context: string): readonly string[] {
  const pairs = (option: string, values: Readonly<Record<string, string>>): readonly string[] =>
    Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`]);
  return [
    "buildx",
    "build",
    "--builder",
    request.builder,
    "--load",
    "--progress",
    "plain",
    "--provenance=false",
    "--platform",
    request.platform,
    "--tag",
    request.tag,
    ...pairs("--label", request.labels),
    ...pairs("--build-arg", request.buildArgs),
    ...(request.noCache ? ["--no-cache", "--pull"] : []),
    context,
  ];
}

/**
 * Builds on a buildx builder, local or remote, and loads the image into the local engine. Returns a failed build as a result.
 * @throws Failure BUILDX_MISSING, BUILDER_UNKNOWN (exit 3)
 */
export async function buildWithBuildx(host: Host, request: BuildxRequest): Promise<BuildEnding> {
  await requireBuildx(host);
  return withTemporaryFolder("context", async (context) => {
    for (const file of request.files) {
      await mkdir(dirname(join(context, file.name)), { recursive: true });
      await writeFile(join(context, file.name), file.contents);
      await chmod(join(context, file.name), file.mode);
    }
    const progress = buildxProgress(request.onStep);
    const ran = await host.run({
      command: "docker",
      args: buildxArguments(request, context),
      env: othersEnvironment(host.env),
      timeoutMs: request.timeoutMs,
      signal: host.signal,
      onLine: (line) => {
        progress.take(line);
        request.onLine(line);
      },
    });
    if (ran.exitCode === 0) return { ok: true, made: [] };
    const failure = progress.failure();
    const message = ran.timedOut ? "docker buildx timed out" : failure.message;
    if (message !== undefined && /no builder .* found|failed to find driver/iu.test(message))
      throw new Failure({
        code: "BUILDER_UNKNOWN",
        kind: "environment",
        template: request.template,
        message: `There is no builder ${request.builder}: ${message}`,
        hint: "docker buildx ls lists the builders; docker buildx create makes one.",
      });
    const exited = `docker buildx exited with ${String(ran.exitCode ?? ran.signal)}`;
    return { ok: false, ...failure, message: message ?? exited, made: [] };
  });
}
