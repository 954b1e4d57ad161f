import type { BuildEnding } from "../docker/index";
import { Failure } from "../support/errors";

type FailedBuild = Pick<BuildEnding & { readonly ok: false }, "message" | "step" | "lines">;

interface Sign {
  readonly pattern: RegExp;
  readonly code: string;
  readonly hint: string;
}

/** Texts in build logs that reveal a known cause. */
const SIGNS: readonly Sign[] = [
  {
    // Messages of apt-helper and sha256sum.
    pattern: /\/mesa_\S*\.deb\s+Hash Sum mismatch|\/mesa\.deb: FAILED/u,
    code: "DEB_HASH_MISMATCH",
    hint: "The .deb differs from the lock. If the mirror is right, the file was changed upstream: find out why before you --relock.",
  },
  {
    pattern: /mesa-template: wrong mesa: \S/u,
    code: "WRONG_MESA_VERSION",
    hint: "The program in the .deb has another version than the repository lists. Do not deploy it; report it to Mesa.",
  },
  // Before the missing packages: without a reachable source every package is missing.
  {
    pattern:
      /Could not resolve|Failed to connect to|Temporary failure resolving|bad address|Could not connect|temporary error \(try again later\)|DNS lookup error/u,
    code: "BUILD_NETWORK",
    hint: "The build could not reach a package source: check the network of the engine and the proxies in Docker's config.json, or set mirrors in upstream.toml.",
  },
  {
    pattern: /Unable to locate package fuse3|fuse3\S* \(no such package\)/u,
    code: "BASE_LACKS_FUSE3",
    hint: "The base image's package sources do not contain fuse3: use a base with Debian's or Alpine's main repository.",
  },
  {
    pattern:
      /mesa-template: wrong mesa: *$|mesa: not found|mesa: No such file|libfuse3\.so\.\d+: cannot open shared object/mu,
    code: "MESA_DOES_NOT_START",
    hint: 'See its own message above. "not found" for a program that exists means that its loader is missing (on Alpine: gcompat). libfuse3 must have the version that mesa was built for.',
  },
  {
    pattern: /pull access denied|manifest unknown|not found: manifest|failed to do request|no such host/u,
    code: "BASE_UNAVAILABLE",
    hint: "A base image could not be fetched: check the mirror in upstream.toml and the network of the engine.",
  },
];

/** The instruction itself, which builders repeat in their messages: BuildKit, newer BuildKit, the classic builder. */
const INSTRUCTION =
  /executor failed running \[.*\]: |process ".*" did not complete successfully: |The command '.*' returned a non-zero code: /gsu;

/** The build's output, without the text of the instructions. */
function outputOf(tail: readonly string[], message: string): string {
  return [...tail.filter((line) => !/^Step \d+\/\d+ : /u.test(line)), message]
    .map((text) => text.replace(INSTRUCTION, ""))
    .join("\n");
}

/** A message's first line; for a failed instruction, which the step already names, only how it ended. */
function essenceOf(message: string): string {
  const ending = message.replace(INSTRUCTION, "");
  const [first = ""] = ending.split("\n");
  return ending !== message && /^\d+$/u.test(first) ? `exit code: ${first}` : first;
}

/** The Failure for a failed build, with the step that failed and its last lines. */
export function buildFailure(template: string, ending: FailedBuild): Failure {
  const { message, step, lines } = ending;
  const text = outputOf(lines, message);
  const sign = SIGNS.find((candidate) => candidate.pattern.test(text));
  return new Failure({
    code: sign?.code ?? "BUILD_FAILED",
    kind: "build",
    template,
    message: `The image could not be built${step === undefined ? "" : `: the step "${step.length > 160 ? `${step.slice(0, 160)}…` : step}" failed`}: ${essenceOf(message)}`,
    log: lines,
    hint: sign?.hint ?? "Read the step's last lines above; the whole log is below .mesa-template/logs.",
  });
}
