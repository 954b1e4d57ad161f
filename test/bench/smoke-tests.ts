import { stringify } from "yaml";

/** A test as a shell line sees it: an argument vector, and what must be in its output. */
interface ShellTest {
  readonly argv: readonly string[];
  readonly expected: string;
}

const COMMANDS: readonly ShellTest[] = Array.from({ length: 20 }, (_, index) => ({
  argv: ["sh", "-c", `test -d /etc && echo ${String(index)}`],
  expected: `^${String(index)}$`,
}));

/** Files that both templates have, and a line of each: what is read is compared. */
const CONTENTS: readonly (readonly [path: string, expected: string])[] = [
  ["/etc/passwd", "^root:"],
  ["/etc/group", "^root:"],
  ["/etc/fuse.conf", "^user_allow_other"],
  ["/etc/os-release", "^ID="],
  ["/etc/ssl/certs/ca-certificates.crt", "BEGIN CERTIFICATE"],
];
const PLACES = ["/etc", "/usr", "/usr/bin", "/usr/local/bin", "/bin", "/lib", "/tmp", "/var", "/var/log"];
const FILES = [
  "/usr/bin/mesa",
  "/usr/local/bin/sandbox-api",
  "/usr/local/bin/mesa-entrypoint",
  "/etc/passwd",
];
const ABSENT = ["/etc/mesa/config.toml", "/root/.blaxel/config.yaml"];

/** The same 41 tests as a container-structure-test file. */
export function structureTests(): string {
  const there = [...PLACES, ...FILES].map((path) => ({ name: `${path} is there`, path, shouldExist: true }));
  const absent = ABSENT.map((path) => ({ name: `${path} is not there`, path, shouldExist: false }));
  return stringify({
    schemaVersion: "2.0.0",
    commandTests: COMMANDS.map(({ argv, expected }, index) => ({
      name: `command ${String(index)}`,
      command: argv[0],
      args: argv.slice(1),
      expectedOutput: [`(?m)${expected}`],
    })),
    fileContentTests: CONTENTS.map(([path, expected]) => ({
      name: `what ${path} says`,
      path,
      expectedContents: [`(?m)${expected}`],
    })),
    fileExistenceTests: [...there, ...absent],
    metadataTest: { entrypoint: ["/usr/local/bin/mesa-entrypoint"] },
  });
}

/** The same tests for a shell, the metadata test apart: 20 commands, 20 looks at files. */
const AS_SHELL: readonly ShellTest[] = [
  ...COMMANDS,
  ...CONTENTS.map(([path, expected]) => ({ argv: ["cat", path], expected })),
  ...[...PLACES, ...FILES].map((path) => ({ argv: ["ls", "-ld", path], expected: path })),
  ...ABSENT.map((path) => ({ argv: ["sh", "-c", `ls ${path} 2>&1 || true`], expected: "No such file" })),
];

const quoted = (word: string): string => `'${word}'`;

/** `run` for each test, what it prints held against what is expected (read to its end: an early end would fail the writer). */
function each(run: (argv: readonly string[]) => string): string {
  return AS_SHELL.map(({ argv, expected }) => `${run(argv)} | grep -e ${quoted(expected)} >/dev/null\n`).join(
    "",
  );
}

const metadata = (image: string): string =>
  `docker inspect --format '{{json .Config.Entrypoint}}' ${image} | grep mesa-entrypoint >/dev/null\n`;

/** A container for each test. */
export function perContainerScript(image: string): string {
  const run = ([program, ...args]: readonly string[]): string =>
    `docker run --rm --entrypoint ${program ?? ""} ${image} ${args.map(quoted).join(" ")}`;
  return each(run) + metadata(image);
}

/** One container that sleeps, and an execution in it for each test. */
export function perExecScript(image: string): string {
  const begin = `id=$(docker run -d --rm --init --entrypoint sleep ${image} 600)\n`;
  const tests = each((argv) => `docker exec "$id" ${argv.map(quoted).join(" ")}`);
  return `${begin}${tests}docker rm -f "$id" >/dev/null\n${metadata(image)}`;
}
