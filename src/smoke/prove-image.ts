import type { Engine } from "../docker/index";
import { parseImageReference } from "../registry/reference";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import type { ImageContext } from "./check";
import { fileChecks, needsOf } from "./checks-file/file-checks";
import type { ChecksFile } from "./checks-file/parse";
import { imageAtRest } from "./subjects/image-at-rest";
import { imageSubject } from "./subjects/image-subject";
import { reportFrom, type SmokeReport } from "./report";
import { runChecks } from "./run-checks";
import { readTestFiles, type TestFiles } from "./smoke";
import { withStructureTests } from "./structure-tests";

/**
 * Runs test files against any image of the engine in use.
 * @returns the report, named after the image
 * @throws Failure BAD_IMAGE_NAME, NO_SUCH_IMAGE, STRUCTURE_TESTS_INVALID, CHECKS_INVALID (exit 2), CONTAINER_START (exit 6)
 */
export async function proveImage(
  host: Host,
  connect: () => Promise<Engine>,
  reference: string,
  paths: TestFiles,
): Promise<SmokeReport> {
  // An engine answers another question when it is asked for "a//b".
  parseImageReference(reference);
  const files = await readTestFiles(host, paths);
  const engine = await connect();
  const held = await engine.image(reference);
  // An image that was imported from a tar names no architecture.
  const foreign = held !== undefined && !["amd64", ""].includes(held.architecture);
  if (held === undefined || foreign)
    throw new Failure({
      code: "NO_SUCH_IMAGE",
      kind: "usage",
      message: `The engine has no linux/amd64 image ${reference}.${foreign ? ` It has one for ${held.architecture}.` : ""}`,
      hint: "Build or pull it first (docker pull --platform linux/amd64); test files are run on local images.",
    });
  const own = held.architecture === "" ? onAnyPlatform(engine) : engine;
  const report = await reportOnChecks(host, own, reference, files.checks);
  return withStructureTests(host, engine, reference, files.structureTests, report);
}

/** The engine for an image that names no platform, and so does not match the one that its containers ask for. */
export function onAnyPlatform(engine: Engine): Engine {
  return {
    ...engine,
    createContainer: (request) => engine.createContainer({ ...request, anyPlatform: true }),
    runToEnd: (request, timeoutMs) => engine.runToEnd({ ...request, anyPlatform: true }, timeoutMs),
  };
}

async function reportOnChecks(
  host: Host,
  engine: Engine,
  reference: string,
  files: readonly ChecksFile[],
): Promise<SmokeReport> {
  const checks = files.flatMap((file) => fileChecks(host, file));
  if (checks.length === 0) return reportFrom(host.redact, reference, "container", [], 0);
  const needs = needsOf(files);
  const image = await imageAtRest(host, engine, reference, [], needs.texts);
  const subject = await imageSubject(host, engine, reference, needs);
  const context: ImageContext = { secrets: [], missingDevices: subject.missingDevices };
  return withCleanUp(
    () => runChecks(host, reference, checks, { subject, image }, context),
    subject.close,
    warnThatStays(host, `the container of ${reference}`),
  );
}
