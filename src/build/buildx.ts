import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PLATFORM, stepLog, type BuildEnding, type BuildRequest } from "../docker/index";
import type { RenderedTemplate } from "../render/rendered";
import { Failure } from "../support/errors";
import { withTemporaryFolder } from "../support/files/files";
import type { Host } from "../support/host";
import { runOther } from "../support/processes/other-program";
import { outputLines } from "../support/text/output-lines";

type Request = Omit<BuildRequest, "context" | "builder">;

/** Time limit for a build, in ms. */
const LIMIT_MS = 3_600_000;

const INSTALL =
  "Install Docker's buildx plugin (the package docker-buildx-plugin or docker-buildx; github.com/docker/buildx), or leave --builder out: then the engine builds.";

/** @throws Failure BUILDX_MISSING (exit 3) */
async function requireBuildx(host: Host): Promise<void> {
  const found = await runOther(host, "docker", ["buildx", "version"], { timeoutMs: 30_000 });
  if (found.exitCode === 0) return;
  throw new Failure({
    code: "BUILDX_MISSING",
    kind: "environment",
    message:
      found.spawnError === undefined
        ? "--builder needs docker buildx, and this docker does not have it."
        : "--builder needs docker buildx, and there is no docker on PATH.",
    log: outputLines(found.stderr),
    hint: INSTALL,
  });
}

/** The arguments of the build: labels, mirrors and names, nothing secret. */
export function buildxArguments(builder: string, request: Request, context: string): readonly string[] {
  const pairs = (option: string, values: Readonly<Record<string, string>>): readonly string[] =>
    Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`]);
  return [
    ...["buildx", "build", "--builder", builder, "--load", "--progress", "plain"],
    ...["--provenance=false", "--platform", PLATFORM, "--tag", request.tag],
    ...pairs("--label", request.labels),
    ...pairs("--build-arg", request.buildArgs),
    ...(request.noCache ? ["--no-cache", "--pull"] : []),
    context,
  ];
}

/**
 * Parses `--progress plain`: "#7 [deb 2/3] RUN …" begins a step, "#7 0.512 text" is its output, "#7 ERROR: …" its failure, and "ERROR:
 * failed to solve: …" the end (docker/buildx, util/progress; moby/buildkit, progressui).
 */
export function buildxProgress(onStep: (step: string) => void) {
  const log = stepLog();
  const steps = new Map<string, string>();
  let failed: string | undefined;
  let message: string | undefined;
  return {
    take(line: string): void {
      if (line.trim() === "") return;
      const [, number = "", rest = line] = /^#(\d+) (.*)$/u.exec(line) ?? [];
      const [, output] = /^\d+\.\d+ (.*)$/u.exec(rest) ?? [];
      const [, error] = /^ERROR: (.+)$/u.exec(rest) ?? [];
      if (number !== "" && output !== undefined) log.take(number, `${output}\n`);
      else log.take("", `${line}\n`);
      if (error !== undefined) {
        message = number === "" ? error : (message ?? error);
        if (number !== "") failed ??= number;
      } else if (number !== "" && rest.startsWith("[") && !steps.has(number)) {
        steps.set(number, rest);
        onStep(rest);
      }
    },
    /** The failed step if one is named, buildx's own message, and the last lines of that step, else of the whole output. */
    failure: () => ({ step: steps.get(failed ?? ""), message, lines: log.last(failed) }),
  };
}

/**
 * Builds on a buildx builder, local or remote, and loads the image into the local engine. Returns a failed build as a result.
 * @param builder its name, as `docker buildx ls` shows it
 * @throws Failure BUILDX_MISSING, BUILDER_UNKNOWN (exit 3)
 */
export async function buildWithBuildx(
  host: Host,
  { template, files }: Pick<RenderedTemplate, "template" | "files">,
  builder: string,
  request: Request,
): Promise<BuildEnding> {
  await requireBuildx(host);
  return withTemporaryFolder("context", async (context) => {
    for (const file of files) {
      await mkdir(dirname(join(context, file.name)), { recursive: true });
      await writeFile(join(context, file.name), file.contents);
      await chmod(join(context, file.name), file.mode);
    }
    const progress = buildxProgress((step) => request.onStep?.(step));
    const ran = await runOther(host, "docker", buildxArguments(builder, request, context), {
      timeoutMs: LIMIT_MS,
      onLine: (line) => {
        progress.take(line);
        request.onLine?.(line);
      },
    });
    if (ran.exitCode === 0) return { ok: true, made: [] };
    const failure = progress.failure();
    const message = ran.timedOut ? "docker buildx timed out" : failure.message;
    if (message !== undefined && /no builder .* found|failed to find driver/iu.test(message))
      throw new Failure({
        code: "BUILDER_UNKNOWN",
        kind: "environment",
        template,
        message: `There is no builder ${builder}: ${message}`,
        hint: "docker buildx ls lists the builders; docker buildx create makes one.",
      });
    const exited = `docker buildx exited with ${String(ran.exitCode ?? ran.signal)}`;
    return { ok: false, ...failure, message: message ?? exited, made: [] };
  });
}
