import { readFile } from "node:fs/promises";
import { Failure, messageOf } from "../../support/errors";
import { flag, lineOf, list, listOrNothing, mapping, Misshapen, text, whole, type Decoder } from "./decode";
import { readDocument } from "./read-document";
import type {
  CommandTest,
  FileContentTest,
  FileExistenceTest,
  MetadataTest,
  Named,
  RunOptions,
  StructureFile,
} from "./structure-file";

const named: Decoder<Named> = mapping<Named>({ key: text, value: text, isRegex: flag(false) });
const words = list(text);

const commandTest: Decoder<CommandTest> = mapping<Omit<CommandTest, "line">>({
  name: text,
  setup: list(words),
  teardown: list(words),
  envVars: list(named),
  exitCode: whole(0),
  command: text,
  args: words,
  expectedOutput: words,
  excludedOutput: words,
  expectedError: words,
  excludedError: words,
});

/**
 * In YAML a file should exist, of any owner, unless the test says otherwise; in JSON it should not, and if it should, it is root's:
 * Go's decoders differ there, and so do verdicts (its FileExistenceTest has an UnmarshalYAML that sets these, and none for JSON).
 */
const fileExistenceTest: Decoder<FileExistenceTest> = (node, form, where) =>
  mapping<Omit<FileExistenceTest, "line">>({
    name: text,
    path: text,
    shouldExist: flag(!form.json),
    permissions: text,
    uid: whole(form.json ? 0 : -1),
    gid: whole(form.json ? 0 : -1),
    isExecutableBy: text,
  })(node, form, where);

const fileContentTest: Decoder<FileContentTest> = mapping<Omit<FileContentTest, "line">>({
  name: text,
  path: text,
  expectedContents: words,
  excludedContents: words,
});

const metadataTest: Decoder<MetadataTest> = mapping<Omit<MetadataTest, "line">>({
  envVars: list(named),
  unboundEnvVars: list(named),
  labels: list(named),
  exposedPorts: words,
  unexposedPorts: words,
  entrypoint: listOrNothing(text),
  cmd: listOrNothing(text),
  workdir: text,
  user: text,
  volumes: words,
  unmountedVolumes: words,
});

const runOptions: Decoder<RunOptions & { readonly line: number }> = mapping<RunOptions>({
  user: text,
  privileged: flag(false),
  // In JSON the field has the name of Go's own, TTY: this one is unknown there.
  allocateTty: (node, form, where) => !form.json && flag(false)(node, form, where),
  envFile: text,
  envVars: words,
  capabilities: words,
  bindMounts: words,
});

const anything: Decoder<number> = (node, form) => lineOf(node, form);

const structureFile = mapping({
  schemaVersion: text,
  globalEnvVars: list(named),
  commandTests: list(commandTest),
  fileContentTests: list(fileContentTest),
  fileExistenceTests: list(fileExistenceTest),
  licenseTests: list(anything),
  metadataTest,
  containerRunOptions: runOptions,
});

/** What is given but empty is as if it were not (Go's ContainerRunOptions.IsSet). */
function isSet(options: RunOptions): boolean {
  const { user, privileged, allocateTty, envFile, envVars, capabilities, bindMounts } = options;
  const lists = [envVars, capabilities, bindMounts];
  return user !== "" || privileged || allocateTty || envFile !== "" || lists.some((list) => list.length > 0);
}

function isEmpty(test: MetadataTest): boolean {
  const lists = [
    test.envVars,
    test.unboundEnvVars,
    test.labels,
    test.exposedPorts,
    test.unexposedPorts,
    test.volumes,
    test.unmountedVolumes,
  ];
  return (
    lists.every((one) => one.length === 0) &&
    test.entrypoint === undefined &&
    test.cmd === undefined &&
    test.workdir === "" &&
    test.user === ""
  );
}

/**
 * A container-structure-test file's text. `path` is what messages call it; a name that ends in .json is read as JSON is there.
 * @throws Failure STRUCTURE_TESTS_INVALID (exit 2) with file and line
 */
export function parseStructureFile(source: string, path: string): StructureFile {
  try {
    const { contents, form } = readDocument(source, path.endsWith(".json"));
    const file = structureFile(contents, form, "");
    if (file.schemaVersion === "")
      throw new Misshapen(1, 'schemaVersion is missing: write schemaVersion: "2.0.0"');
    if (file.schemaVersion !== "2.0.0")
      throw new Misshapen(1, `schemaVersion is ${file.schemaVersion}; only 2.0.0 is read`);
    const metadata =
      file.metadataTest.line === 0 || isEmpty(file.metadataTest) ? undefined : file.metadataTest;
    const options = isSet(file.containerRunOptions) ? file.containerRunOptions : undefined;
    const count =
      file.commandTests.length +
      file.fileContentTests.length +
      file.fileExistenceTests.length +
      file.licenseTests.length;
    if (count === 0 && metadata === undefined) throw new Misshapen(1, "it holds no tests");
    return { ...file, path, metadataTest: metadata, runOptions: options };
  } catch (error) {
    if (error instanceof Misshapen) throw invalid(path, error.line, error.message);
    throw error;
  }
}

function invalid(path: string, line: number, what: string): Failure {
  return new Failure({
    code: "STRUCTURE_TESTS_INVALID",
    kind: "usage",
    message: `${path}:${String(line)}: ${what}.`,
    hint: "container-structure-test reads such a file as one failed test; correct the line.",
  });
}

/** Reads a test file. @throws Failure STRUCTURE_TESTS_MISSING, STRUCTURE_TESTS_INVALID (exit 2) */
export async function readStructureFile(path: string): Promise<StructureFile> {
  let source: string;
  try {
    source = await readFile(path, "utf8");
  } catch (error) {
    throw new Failure({
      code: "STRUCTURE_TESTS_MISSING",
      kind: "usage",
      message: `${path} cannot be read: ${messageOf(error)}`,
      hint: "Give --structure-tests the path of a container-structure-test file.",
      cause: error,
    });
  }
  return parseStructureFile(source, path);
}
