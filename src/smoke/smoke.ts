import type { Engine } from "../docker/index";
import type { Image } from "../build/image";
import { mesaAccess } from "../mesa/access";
import type { RenderedTemplate } from "../render/rendered";
import type { Host } from "../support/host";
import type { Check, CheckContext } from "./check";
import { API_CHECKS } from "./checks/api";
import { IMAGE_CHECKS } from "./checks/image";
import { LIFECYCLE_CHECKS } from "./checks/lifecycle";
import { mesaMountCheck } from "./checks/mesa-mount";
import { PROBES } from "./checks/probes";
import { containerSubject, readFromContainer, startContainer } from "./container";
import { waitUntilHealthy } from "./health";
import { hideSecrets } from "./hide-secrets";
import { imageAtRest } from "./image-at-rest";
import { lifecycleOf } from "./lifecycle";
import { reportFrom, type CheckResult, type SmokeReport } from "./report";
import { runChecks } from "./run-checks";
import { readStructureFile, runStructureTests, type StructureFile } from "./structure/index";

/** The sandbox API answers within a tenth of a second; this long is waited for it, in ms. */
const HEALTH_LIMIT_MS = 30_000;

export interface SmokeOptions {
  readonly onProgress?: (message: string) => void;
  /** Container-structure-test files; their tests join the report. */
  readonly structureTests?: readonly string[];
}

/** The checks that every template gets. The real mount is among them when there is a Mesa credential. */
export function builtInChecks(host: Host): readonly Check[] {
  return [
    ...API_CHECKS,
    ...PROBES,
    ...(mesaAccess(host.env) === undefined ? [] : [mesaMountCheck(host)]),
    ...IMAGE_CHECKS,
    ...LIFECYCLE_CHECKS,
  ];
}

/** Whether finding a value somewhere says anything: a password that is an ordinary word stands in every image. */
function isTelling(secret: string): boolean {
  return secret.length >= 12 || (secret.length >= 8 && /\d/u.test(secret) && /[A-Za-z]/u.test(secret));
}

/** What checks may know besides their subject. */
export function checkContext(
  host: Host,
  rendered: RenderedTemplate,
  fuseUnavailable: string | undefined,
): CheckContext {
  const mesa = mesaAccess(host.env);
  return {
    rendered,
    secrets: host.redact.values().filter(isTelling),
    signal: host.signal,
    ...(mesa === undefined ? {} : { mesa }),
    ...(fuseUnavailable === undefined ? {} : { fuseUnavailable }),
  };
}

/**
 * Proves an image in one long-lived container, which is always removed.
 * @returns the report; checks that fail are in it, they are not thrown
 * @throws Failure of kind smoke (exit 6) when the container does not come up
 */
export async function smokeImage(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  image: Image,
  options: SmokeOptions = {},
): Promise<SmokeReport> {
  // Read before anything starts: a broken file is wrong usage, and costs no container.
  const files = await Promise.all((options.structureTests ?? []).map(readStructureFile));
  const smoke = await startContainer(host, engine, image.reference);
  try {
    await waitUntilHealthy(host, smoke, HEALTH_LIMIT_MS);
    options.onProgress?.("the sandbox API answers");
    const subject = containerSubject(host, smoke);
    const context = checkContext(host, rendered, smoke.fuseUnavailable);
    const atRest = await imageAtRest(host, engine, image.reference, context.secrets, (path) =>
      readFromContainer(host, smoke, path),
    );
    const report = await runChecks(
      host,
      builtInChecks(host),
      { subject, image: atRest, lifecycle: lifecycleOf(host, smoke) },
      context,
    );
    return await withStructureTests(host, engine, image.reference, files, report);
  } finally {
    await engine.removeContainer(smoke.id);
  }
}

/** The report with the results of test files added to it. */
async function withStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  files: readonly StructureFile[],
  report: SmokeReport,
): Promise<SmokeReport> {
  const begun = host.clock.now();
  const results: CheckResult[] = [];
  for (const file of files) results.push(...(await runStructureTests(host, engine, reference, file)));
  const durationMs = report.durationMs + host.clock.now() - begun;
  const shown = results.map((result) => hideSecrets(host.redact, result));
  return reportFrom(report.template, report.subject, [...report.checks, ...shown], durationMs);
}

/**
 * Runs test files against any local image.
 * @returns the report, named after the image; @throws Failure NO_SUCH_IMAGE, STRUCTURE_TESTS_INVALID (exit 2)
 */
export async function structureTestImage(
  host: Host,
  engine: Engine,
  reference: string,
  paths: readonly string[],
): Promise<SmokeReport> {
  const files = await Promise.all(paths.map(readStructureFile));
  return withStructureTests(host, engine, reference, files, reportFrom(reference, "container", [], 0));
}
