import type { Engine } from "../docker/index";
import { provenImage } from "../docker/saved-image/index";
import type { Image } from "../build/image";
import { mesaFit } from "../mesa/access";
import type { ProvenTemplate, RenderedTemplate } from "../render/rendered";
import { warnThatStays, withCleanUp } from "../support/processes/clean-up";
import type { Host } from "../support/host";
import type { Check, CheckContext, ImageContext } from "./check";
import { API_CHECKS } from "./checks/api";
import { IMAGE_CHECKS, isRoot } from "./checks/image";
import { lifecycleChecks } from "./checks/lifecycle";
import { mesaMountCheck } from "./checks/mesa-mount";
import { PROBES } from "./checks/probes";
import { fileChecks, needsOf } from "./checks-file/file-checks";
import { readChecksFile, type ChecksFile } from "./checks-file/parse";
import type { SmokeContainer } from "./subjects/container";
import { waitUntilHealthy } from "./subjects/health";
import { imageAtRest } from "./subjects/image-at-rest";
import type { SmokeReport } from "./report";
import { runChecks } from "./run-checks";
import { startContainer } from "./subjects/start-container";
import { validateStructureTests, withStructureTests } from "./structure-tests";

/** Time limit for the sandbox API to respond, in ms; usually it takes a tenth of a second. */
const HEALTH_LIMIT_MS = 30_000;

/** Files with checks besides the built-in ones. */
export interface TestFiles {
  /** Container-structure-test files. */
  readonly structureTests: readonly string[];
  /** Check files in this program's own format. */
  readonly checks: readonly string[];
}

export interface SmokeOptions extends Partial<TestFiles> {
  readonly onProgress?: (message: string) => void;
}

/**
 * Reads test files, before anything is built or started: a broken file is wrong usage. Of structure tests it returns the paths:
 * container-structure-test reads them itself.
 * @throws Failure STRUCTURE_TESTS_MISSING, STRUCTURE_TESTS_INVALID, CHECKS_MISSING, CHECKS_INVALID (exit 2)
 */
export async function readTestFiles(host: Host, { structureTests = [], checks = [] }: Partial<TestFiles>) {
  await validateStructureTests(host, structureTests);
  return { structureTests, checks: await Promise.all(checks.map(readChecksFile)) };
}

/** The built-in checks of every template and those of its check files. Without a Mesa credential the real mount is skipped. */
export function smokeChecks(host: Host, files: readonly ChecksFile[]): readonly Check[] {
  return [
    ...API_CHECKS,
    ...PROBES,
    mesaMountCheck(host),
    ...IMAGE_CHECKS,
    ...files.flatMap((file) => fileChecks(host, file)),
    ...lifecycleChecks(host),
  ];
}

/** What checks can use besides their subject. */
export function checkContext(
  host: Host,
  rendered: ProvenTemplate,
  missingDevices: ImageContext["missingDevices"],
  user = "",
): CheckContext {
  return {
    rendered,
    mesa: mesaFit(host.env, rendered.mesaVersion),
    secrets: host.redact.values(),
    missingDevices,
    ...(isRoot(user) ? {} : { notRoot: `the image's USER is ${user}, not root` }),
  };
}

/**
 * Proves an image in one long-lived container, which is always removed.
 * @returns the report, failed checks included
 * @throws Failure of kind smoke (exit 6) if the container does not start; IMAGE_GONE (exit 3)
 */
export async function smokeImage(
  host: Host,
  engine: Engine,
  rendered: RenderedTemplate,
  image: Image,
  options: SmokeOptions = {},
): Promise<SmokeReport> {
  const files = await readTestFiles(host, options);
  const needs = needsOf(files.checks);
  // Another run on this engine may give its name to another image meanwhile.
  const { id } = await provenImage(engine, { configDigest: image.id, reference: image.reference });
  const smoke = await startContainer(host, engine, id, needs);
  let bare: Promise<SmokeContainer> | undefined;
  const asProcess1 = async (): Promise<SmokeContainer> => {
    bare ??= startContainer(host, engine, id, { ...needs, init: false });
    const container = await bare;
    await waitUntilHealthy(host, container, HEALTH_LIMIT_MS);
    return container;
  };
  const prove = async (): Promise<SmokeReport> => {
    await waitUntilHealthy(host, smoke, HEALTH_LIMIT_MS);
    options.onProgress?.("the sandbox API answers");
    // It starts while checks run in the first one. A failure to start is reported where the container is used.
    asProcess1().catch(() => undefined);
    const atRest = await imageAtRest(host, engine, id, host.redact.values(), needs.texts);
    const context = checkContext(host, rendered, smoke.missingDevices, atRest.config.user);
    const report = await runChecks(
      host,
      rendered.template,
      smokeChecks(host, files.checks),
      { subject: smoke, image: atRest, lifecycle: { underInit: smoke, asProcess1 } },
      context,
    );
    return withStructureTests(host, engine, id, files.structureTests, report);
  };
  return withCleanUp(
    prove,
    async () => {
      const second = await bare?.catch(() => undefined);
      await Promise.all(
        [smoke, ...(second === undefined ? [] : [second])].map(({ id }) => engine.removeContainer(id)),
      );
    },
    warnThatStays(host, `a container of ${image.reference}`, rendered.template),
  );
}
