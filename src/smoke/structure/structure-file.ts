/** A variable or label as a test file names it. */
export interface Named {
  readonly key: string;
  readonly value: string;
  readonly isRegex: boolean;
}

interface Placed {
  readonly name: string;
  /** Line of the file it begins at. */
  readonly line: number;
}

export interface CommandTest extends Placed {
  readonly setup: readonly (readonly string[])[];
  readonly teardown: readonly (readonly string[])[];
  readonly envVars: readonly Named[];
  readonly exitCode: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly expectedOutput: readonly string[];
  readonly excludedOutput: readonly string[];
  readonly expectedError: readonly string[];
  readonly excludedError: readonly string[];
}

export interface FileExistenceTest extends Placed {
  readonly path: string;
  readonly shouldExist: boolean;
  readonly permissions: string;
  /** -1: not checked. */
  readonly uid: number;
  readonly gid: number;
  readonly isExecutableBy: string;
}

export interface FileContentTest extends Placed {
  readonly path: string;
  readonly expectedContents: readonly string[];
  readonly excludedContents: readonly string[];
}

export interface MetadataTest {
  readonly line: number;
  readonly envVars: readonly Named[];
  readonly unboundEnvVars: readonly Named[];
  readonly labels: readonly Named[];
  readonly exposedPorts: readonly string[];
  readonly unexposedPorts: readonly string[];
  /** undefined: not checked; []: there is none. */
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly workdir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly unmountedVolumes: readonly string[];
}

export interface RunOptions {
  readonly user: string;
  readonly privileged: boolean;
  readonly allocateTty: boolean;
  readonly envFile: string;
  readonly envVars: readonly string[];
  readonly capabilities: readonly string[];
  readonly bindMounts: readonly string[];
}

/** A container-structure-test file, schema 2.0.0. */
export interface StructureFile {
  /** As it was given. */
  readonly path: string;
  readonly globalEnvVars: readonly Named[];
  readonly commandTests: readonly CommandTest[];
  readonly fileContentTests: readonly FileContentTest[];
  readonly fileExistenceTests: readonly FileExistenceTest[];
  /** Lines of licence tests, which are not run here. */
  readonly licenseTests: readonly number[];
  readonly metadataTest: MetadataTest | undefined;
  readonly runOptions: RunOptions | undefined;
}
