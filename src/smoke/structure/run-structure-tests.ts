import pLimit from "p-limit";
import type { Engine, EngineImage } from "../../docker/index";
import { Failure } from "../../support/errors";
import { RUN_LABEL, type Host } from "../../support/host";
import type { CheckResult } from "../report";
import { environmentOf, expand } from "./expand";
import { filesAtRest, USER_OF_FILES_AT_REST, type FilesAtRest } from "./files-at-rest";
import { judgeCommand } from "./judge-command";
import { asksForOwner, judgeContent, judgeExistence } from "./judge-file";
import { judgeMetadata } from "./judge-metadata";
import { invalidTest, type Judged } from "../judged";
import { missingParts } from "./missing-parts";
import { runCommands, type Stage } from "./run-commands";
import { optionsRequest, optionVariables } from "./run-options";
import type { StructureFile } from "./structure-file";

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
    ...optionsRequest(file),
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
    // What is mounted is there for file tests as well.
    ...(base.binds === undefined ? {} : { binds: base.binds }),
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

function result(
  scene: Pick<Scene, "file">,
  name: string,
  line: number,
  durationMs: number,
  judged: Judged,
): CheckResult {
  return { name, durationMs, ...judged, file: scene.file.path, line };
}

/**
 * Why no container can be made for the tests of a file. container-structure-test asks its engine for a variable without a name then,
 * which the engine refuses ("invalid environment variable", Docker Engine 20.10), and each of the tests fails.
 */
function whyNoContainer({ globalEnvVars }: StructureFile): string | undefined {
  return globalEnvVars.some(({ key }) => key === "") ? "a variable in globalEnvVars has no key" : undefined;
}

function whyNoCommand(file: StructureFile, unset: readonly string[]): string | undefined {
  if (file.runOptions?.allocateTty === true)
    return "containerRunOptions.allocateTty is not supported here: stdout and stderr would be one";
  return unset.length === 0
    ? whyNoContainer(file)
    : `containerRunOptions.envVars names ${unset.join(", ")}, which is empty or not set here`;
}

async function commandResults(scene: Scene): Promise<readonly CheckResult[]> {
  const { file, env, host } = scene;
  const given = await optionVariables(host, file);
  const why = whyNoCommand(file, given?.unset ?? []);
  const tests = file.commandTests.map((test) => ({ test, broken: missingParts(test) ?? why }));
  const whole = tests.filter(({ broken }) => broken === undefined).map(({ test }) => test);
  const runs = whole.map((test) => {
    const forSetup = test.envVars.map(({ key, value }) => [key, expand(value, env)] as const);
    // What setup commands leave is an image, whose environment holds the test's variables.
    const known = test.setup.length === 0 ? env : new Map([...env, ...forSetup]);
    return {
      argv: [test.command, ...test.args].map((word) => expand(word, known)),
      env: given?.variables ?? test.envVars.map(({ key, value }) => [key, value] as const),
      timeoutMs: COMMAND_LIMIT_MS,
      // The shells of setup commands see the variables themselves: nothing is replaced in them.
      setup: test.setup.map((argv) => ({ argv, env: forSetup, timeoutMs: COMMAND_LIMIT_MS })),
    };
  });
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
  const why = whyNoContainer(file);
  const contents = file.fileContentTests.map((test) =>
    timed(`File Content Test: ${test.name}`, test.line, async () => {
      const broken = missingParts(test) ?? why;
      return broken === undefined ? judgeContent(test, await files.read(test.path)) : invalidTest(broken);
    }),
  );
  const existence = file.fileExistenceTests.map((test) =>
    timed(`File Existence Test: ${test.name}`, test.line, async () => {
      const broken = missingParts(test) ?? why;
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
  const { image, file } = scene;
  const test = file.metadataTest;
  if (test === undefined) return [];
  return [
    result(
      scene,
      "Metadata Test",
      test.line,
      0,
      // The image's own variables: global ones are set for the other tests only.
      judgeMetadata(
        test,
        image.config,
        new Map(Object.entries(image.labels)),
        environmentOf(image.config.env),
      ),
    ),
  ];
}
