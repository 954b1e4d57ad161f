import type { SandboxInstance } from "@blaxel/core";
import { blaxelCore } from "../blaxel/core";
import { reasonOf } from "../blaxel/sandboxes";
import type { Lock } from "../lock/lock";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { outputLines } from "../support/text/output-lines";
import { quoted } from "../support/text/quoted";
import { execScript } from "./commands/exec";
import { runAndFollow } from "./commands/follow";

/** One step of installing Mesa, as shell text for any `sh`. */
interface BootstrapStep {
  readonly name: string;
  /** Exits 0 if the step is already done. */
  readonly done: string;
  /** Does the step; exits 0 only on success. */
  readonly script: string;
}

const ALPINE = "command -v apk >/dev/null";
const APT = "DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60";
const APT_INSTALL = `${APT} install -y -qq --no-install-recommends`;

/** The packages of a template, and curl and dpkg to fetch and unpack; never libc6-compat, never Alpine's own "mesa". */
const APK_PACKAGES = "ca-certificates gcompat libgcc fuse3 openssl curl dpkg";
const APT_PACKAGES = "ca-certificates fuse3 openssl curl";

/**
 * Steps that install a pinned Mesa in a running sandbox, following Mesa's guide for Blaxel (Alpine) and its Debian template. The sandbox
 * itself shows which distribution it is. Completed steps are skipped.
 * @param packagesMirror replaces scheme and host of the .deb's address
 */
export function bootstrapSteps(
  { mesaVersion, deb }: Pick<Lock, "mesaVersion" | "deb">,
  packagesMirror: string | undefined,
): readonly BootstrapStep[] {
  const url = new URL(deb.url);
  const address =
    packagesMirror === undefined ? url.href : `${packagesMirror.replace(/\/$/u, "")}${url.pathname}`;
  // Named by content, so that another version's file is not mistaken for this one.
  const file = `/tmp/mesa-${deb.sha256.slice(0, 16)}.deb`;
  const found = String.raw`$( (timeout 10 mesa --version || timeout 10 mesa version) 2>&1 | grep -Eo '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?' | head -n 1)`;
  const installed = `[ "${found}" = ${quoted(mesaVersion)} ]`;
  const programs = "command -v curl >/dev/null && command -v fusermount3 >/dev/null";
  const packages = `if ${ALPINE}; then ( for p in ${APK_PACKAGES}; do apk info -e "$p" >/dev/null || exit 1; done ); else dpkg -s ${APT_PACKAGES} >/dev/null 2>&1; fi && ${programs}`;
  const installDeb = `${APT_INSTALL} --allow-downgrades ${file}`;
  return [
    {
      name: "system",
      done: `[ "$(id -u)" = 0 ] && { ${ALPINE} || command -v apt-get >/dev/null; }`,
      script: `. /etc/os-release; echo "user $(id -u) on $PRETTY_NAME: installing Mesa needs root, on Alpine or Debian (apk or apt-get)"; exit 1`,
    },
    {
      name: "packages",
      done: packages,
      script: `if ${ALPINE}; then apk add --no-cache ${APK_PACKAGES}; else ${APT} update -qq && ${APT_INSTALL} ${APT_PACKAGES}; fi && ${packages}`,
    },
    {
      name: "fetch",
      done: `${installed} || test -s ${file}`,
      script: `curl -fsSL --retry 3 --retry-connrefused -o ${file}.part ${quoted(address)} && mv ${file}.part ${file}`,
    },
    {
      name: "check the hash",
      done: installed,
      script: `echo "${deb.sha256}  ${file}" | sha256sum -c - || { rm -f ${file}; exit 1; }`,
    },
    {
      name: "install",
      done: installed,
      script: `if ${ALPINE}; then dpkg-deb -x ${file} /; else ${installDeb} || { ${APT} update -qq && ${installDeb}; }; fi && rm -f ${file} && command -v mesa`,
    },
    {
      name: "let other users mount",
      done: "grep -qxF user_allow_other /etc/fuse.conf",
      // The file's last line may lack a line break.
      script: String.raw`printf '\nuser_allow_other\n' >> /etc/fuse.conf`,
    },
    {
      name: "check the version",
      done: installed,
      script: `echo "mesa reports '${found}', ${mesaVersion} is pinned"; timeout 10 mesa --version; exit 1`,
    },
  ];
}

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [
    /No space left|ENOSPC|Failure writing output/iu,
    "The sandbox's disk is full. Half of its memory is its disk, so raise --memory.",
  ],
  [/Read-only file system/iu, "The sandbox's file system is read-only; use a template instead."],
  [/are you root|Permission denied|brought in by root/iu, "Installing Mesa needs root, on Alpine or Debian."],
  [
    /overwrite .* owned by libc6-compat|libc6-compat.*conflicts|conflicts.*libc6-compat/iu,
    "libc6-compat conflicts with gcompat (and makes Mesa hang): run apk del libc6-compat first.",
  ],
  [
    /no such package|Unable to locate package/iu,
    "The image's package sources do not have it: check that they are the distribution's own.",
  ],
  [
    /Could not resolve|Temporary failure|temporary error|timed out|Connection refused|network|Failed to connect|DNS/iu,
    "The sandbox does not reach the package sources: check its egress rules, and mirrors in upstream.toml.",
  ],
  [
    /requested URL returned error: 404/iu,
    "The locked .deb no longer exists: mesa-template doctor lists the versions that do.",
  ],
  [
    /did NOT match|sha256sum: .*FAILED|: FAILED/u,
    "The downloaded file differs from the lock: it was replaced, or changed in transit.",
  ],
];

/** The hint for a failed step, chosen by its output. */
export function bootstrapHint(output: string): string {
  return (
    CAUSES.find(([pattern]) => pattern.test(output))?.[1] ??
    "Read its message above. A template already contains Mesa and starts faster."
  );
}

/**
 * Installs Mesa in a sandbox step by step. Repeated runs do nothing.
 * @param onStep called for each step, with whether it was done now or before
 * @throws Failure BOOTSTRAP_FAILED (exit 7) naming the step, with its output
 */
export async function bootstrap(
  host: Host,
  sandbox: SandboxInstance,
  lock: Pick<Lock, "mesaVersion" | "deb">,
  packagesMirror: string | undefined,
  onStep: (name: string, outcome: "done" | "already") => void,
): Promise<void> {
  for (const [index, step] of bootstrapSteps(lock, packagesMirror).entries()) {
    host.signal.throwIfAborted();
    if ((await execScript(host, sandbox, step.done)).exitCode === 0) {
      onStep(step.name, "already");
      continue;
    }
    const chunks: Uint8Array[] = [];
    const exitCode = await runAndFollow({ ...host, runId: `${host.runId}-step-${String(index)}` }, sandbox, {
      argv: ["sh", "-c", step.script],
      cwd: "/",
      env: {},
      onOutput: (_stream, data) => {
        chunks.push(data);
      },
    });
    if (exitCode !== 0) {
      const output = Buffer.concat(chunks).toString("utf8");
      throw new Failure({
        code: "BOOTSTRAP_FAILED",
        kind: "deploy",
        message: `Mesa could not be installed in ${sandbox.metadata.name}: the step "${step.name}" exited with ${String(exitCode)}.`,
        log: outputLines(output, 15),
        hint: bootstrapHint(output),
      });
    }
    onStep(step.name, "done");
  }
}

/** A running sandbox. @throws Failure SANDBOX_NOT_FOUND (exit 2) */
export async function runningSandbox(host: Host, name: string): Promise<SandboxInstance> {
  const { SandboxInstance } = await blaxelCore(host);
  return SandboxInstance.get(name).catch((error: unknown) => {
    throw new Failure({
      code: "SANDBOX_NOT_FOUND",
      kind: "usage",
      message: `There is no sandbox ${name}: ${reasonOf(error)}`,
      hint: "List the sandboxes: bl get sandboxes.",
      cause: error,
    });
  });
}
