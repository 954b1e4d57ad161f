import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import pLimit from "p-limit";
import type { ContainerRequest, Engine, EngineImage } from "../../docker/index";
import { Failure, messageOf } from "../../support/errors";
import { RUN_LABEL, type Host } from "../../support/host";
import type { CheckResult } from "../report";
import type { Invocation } from "./command-batch";
import { environmentOf, expand } from "./expand";
import { filesAtRest, USER_OF_FILES_AT_REST, type FilesAtRest } from "./files-at-rest";
import { judgeCommand } from "./judge-command";
import { asksForOwner, judgeContent, judgeExistence } from "./judge-file";
import { judgeMetadata } from "./judge-metadata";
import { invalidTest, type Judged } from "../judged";
import { missingParts } from "./missing-parts";
import { runCommands, type Stage } from "./run-commands";
import type { CommandTest, StructureFile } from "./structure-file";

/** A command test's own limit, in ms; container-structure-test has none. */
const COMMAND_LIMIT_MS = 60_000;

interface Scene {
  readonly host: Host;
  readonly engine: Engine;
  readonly image: EngineImage;
  readonly file: StructureFile;
  /** The image's environment with the file's global variables. */
  readonly env: ReadonlyMap<string, string>;
  readonly stage: Stage;
}

/**
 * Runs a container-structure-test file against a local image, with the verdicts that container-structure-test gives.
 * @returns a result for each test, in its order; @throws Failure of kind environment when the engine fails
 */
export async function runStructureTests(
  host: Host,
  engine: Engine,
  reference: string,
  file: StructureFile,
): Promise<readonly CheckResult[]> {
  const image = await engine.image(reference);
  if (image === undefined)
    throw new Failure({
      code: "NO_SUCH_IMAGE",
      kind: "usage",
      message: `The engine has no image ${reference}.`,
      hint: "Build or pull it first; structure tests look at local images.",
    });
  const imageEnv = environmentOf(image.config.env);
  const globals = file.globalEnvVars.map(({ key, value }) => [key, expand(value, imageEnv)] as const);
  const env = new Map([...imageEnv, ...globals]);
  const base: Stage["base"] = {
    labels: { [RUN_LABEL]: host.runId },
    ...baseRequest(file),
    env: globals.map(([name, value]) => `${name}=${value}`),
  };
  const scene: Scene = {
    host,
    engine,
    image,
    file,
    env,
    stage: { host, engine, image: reference, volumes: image.config.volumes, base },
  };
  const container = await engine.createContainer({
    image: reference,
    labels: base.labels,
    entrypoint: ["/none"],
    cmd: [],
    user: USER_OF_FILES_AT_REST,
  });
  try {
    const files = filesAtRest(host, engine, container);
    return [
      ...(await commandResults(scene)),
      ...(await fileResults(scene, files)),
      ...licenceResults(file),
      ...metadataResults(scene),
    ];
  } finally {
    await engine.removeContainer(container);
  }
}

/** What containerRunOptions asks for, as a container request. */
function baseRequest({ runOptions }: StructureFile): Partial<ContainerRequest> {
  if (runOptions === undefined) return {};
  const { user, privileged, capabilities, bindMounts } = runOptions;
  return {
    ...(user === "" ? {} : { user }),
    ...(privileged ? { privileged } : {}),
    ...(capabilities.length === 0 ? {} : { capabilities }),
    ...(bindMounts.length === 0 ? {} : { binds: bindMounts }),
  };
}

async function readEnvFile(testFile: string, envFile: string): Promise<readonly string[]> {
  const path = resolve(dirname(testFile), envFile);
  try {
    return (await readFile(path, "utf8"))
      .split(/\r?\n/u)
      .filter((line) => line.includes("=") && !line.startsWith("#"));
  } catch (error) {
    throw new Failure({
      code: "STRUCTURE_TESTS_INVALID",
      kind: "usage",
      message: `${testFile}: containerRunOptions.envFile ${envFile} cannot be read: ${messageOf(error)}`,
      cause: error,
    });
  }
}

function result(
  scene: Pick<Scene, "file">,
  name: string,
  line: number,
  durationMs: number,
  judged: Judged,
): CheckResult {
  return { name, durationMs, ...judged, file: scene.file.path, line };
}

/** The variables a command gets besides the image's: the test's own, or, where containerRunOptions is given, those it names. */
async function testVariables(scene: Scene, test: CommandTest): Promise<Invocation["env"]> {
  const options = scene.file.runOptions;
  if (options === undefined) return test.envVars.map(({ key, value }) => [key, value] as const);
  const fromFile =
    options.envFile === "" ? [] : [...environmentOf(await readEnvFile(scene.file.path, options.envFile))];
  const named = options.envVars.map((name) => [name, scene.host.env[name] ?? ""] as const);
  return [...fromFile, ...named];
}

async function commandResults(scene: Scene): Promise<readonly CheckResult[]> {
  const { file, env } = scene;
  const tests = file.commandTests.map((test) => ({
    test,
    broken:
      missingParts(test) ??
      (file.runOptions?.allocateTty === true
        ? "containerRunOptions.allocateTty is not supported here: stdout and stderr would be one"
        : undefined),
  }));
  const whole = tests.filter(({ broken }) => broken === undefined).map(({ test }) => test);
  const runs = await Promise.all(
    whole.map(async (test) => {
      const variables = await testVariables(scene, test);
      const forSetup = test.envVars.map(({ key, value }) => [key, expand(value, env)] as const);
      return {
        argv: [test.command, ...test.args].map((word) => expand(word, env)),
        env: variables,
        timeoutMs: COMMAND_LIMIT_MS,
        // The shells of setup commands see the variables themselves: nothing is replaced in them.
        setup: test.setup.map((argv) => ({ argv, env: forSetup, timeoutMs: COMMAND_LIMIT_MS })),
      };
    }),
  );
  const ran = await runCommands(scene.stage, runs);
  const byTest = new Map(whole.map((test, index) => [test, ran[index]]));
  return tests.map(({ test, broken }) => {
    const one = byTest.get(test);
    const judged =
      broken !== undefined || one === undefined
        ? invalidTest(broken ?? "it was not run")
        : judgeCommand(test, one);
    return result(scene, `Command Test: ${test.name}`, test.line, one?.durationMs ?? 0, judged);
  });
}

/** Requests for files at the same time: the engine takes some 50 ms for each. */
const FILES_AT_ONCE = 4;

async function fileResults(scene: Scene, files: FilesAtRest): Promise<readonly CheckResult[]> {
  const { file, env, host } = scene;
  const limit = pLimit(FILES_AT_ONCE);
  const timed = (name: string, line: number, judge: () => Promise<Judged>): Promise<CheckResult> =>
    limit(async () => {
      const begun = host.clock.now();
      const judged = await judge();
      return result(scene, name, line, host.clock.now() - begun, judged);
    });
  const contents = file.fileContentTests.map((test) =>
    timed(`File Content Test: ${test.name}`, test.line, async () => {
      const broken = missingParts(test);
      return broken === undefined ? judgeContent(test, await files.read(test.path)) : invalidTest(broken);
    }),
  );
  const existence = file.fileExistenceTests.map((test) =>
    timed(`File Existence Test: ${test.name}`, test.line, async () => {
      const broken = missingParts(test);
      if (broken !== undefined) return invalidTest(broken);
      const path = expand(test.path, env);
      const owner = asksForOwner(test) ? "with owner" : "without owner";
      return judgeExistence(test, path, await files.entry(path, owner));
    }),
  );
  return Promise.all([...contents, ...existence]);
}

function licenceResults(file: StructureFile): readonly CheckResult[] {
  return file.licenseTests.map((line) =>
    result({ file }, "License Test", line, 0, {
      outcome: "failed",
      expected: "licences to be read",
      seen: "licence tests are not run here",
      hint: "They compare Debian copyright files with Google's own list of licences: run this one with container-structure-test itself, from a file of its own.",
    }),
  );
}

function metadataResults(scene: Scene): readonly CheckResult[] {
  const { image, file, env } = scene;
  const test = file.metadataTest;
  if (test === undefined) return [];
  return [
    result(
      scene,
      "Metadata Test",
      test.line,
      0,
      judgeMetadata(test, image.config, new Map(Object.entries(image.labels)), env),
    ),
  ];
}
