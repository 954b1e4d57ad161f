import type { SandboxInstance } from "@blaxel/core";
import type { LockedDeb } from "../lock/lock";
import { Failure } from "../support/errors";
import { execScript } from "./exec";
import { quoted } from "../support/quoted";

interface Step {
  readonly name: string;
  /** Exits 0 when the step is done already. */
  readonly done: string;
  readonly script: string;
}

/** Steps that bring a pinned Mesa into a running sandbox, Alpine or Debian; a step that is done is not done again. */
export function bootstrapSteps(deb: LockedDeb, packagesMirror: string | undefined): readonly Step[] {
  const url = new URL(deb.url);
  const address =
    packagesMirror === undefined ? url.href : `${packagesMirror.replace(/\/$/u, "")}${url.pathname}`;
  const alpine = "command -v apk >/dev/null";
  const version = quoted(deb.version);
  return [
    {
      name: "packages",
      done: `if ${alpine}; then apk info -e gcompat fuse3 ca-certificates curl dpkg >/dev/null; else dpkg -s fuse3 ca-certificates curl >/dev/null 2>&1; fi`,
      script: `if ${alpine}; then apk add --no-cache ca-certificates gcompat fuse3 curl dpkg; else apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates curl fuse3 openssl; fi`,
    },
    {
      name: "fetch",
      done: `mesa --version 2>/dev/null | grep -qF ${version} || test -s /tmp/mesa.deb`,
      script: `curl -fsSL --retry 3 -o /tmp/mesa.deb.part ${quoted(address)} && mv /tmp/mesa.deb.part /tmp/mesa.deb`,
    },
    {
      name: "check the hash",
      done: `mesa --version 2>/dev/null | grep -qF ${version}`,
      script: `echo "${deb.sha256}  /tmp/mesa.deb" | sha256sum -c - || { rm -f /tmp/mesa.deb; exit 1; }`,
    },
    {
      name: "install",
      done: `mesa --version 2>/dev/null | grep -qF ${version}`,
      script: `if ${alpine}; then dpkg-deb -x /tmp/mesa.deb /; else DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends --allow-downgrades /tmp/mesa.deb; fi && rm -f /tmp/mesa.deb`,
    },
    {
      name: "let other users mount",
      done: "grep -qxF user_allow_other /etc/fuse.conf",
      script: "echo user_allow_other >> /etc/fuse.conf",
    },
    {
      name: "check the version",
      done: `mesa --version 2>/dev/null | grep -qF ${version}`,
      script: `mesa --version; exit 1`,
    },
  ];
}

/**
 * Brings Mesa into a sandbox, step by step. Repeated runs do nothing.
 * @returns for each step whether it was done now or before
 * @throws Failure BOOTSTRAP_FAILED (exit 7) naming the step, with what it said
 */
export async function bootstrap(
  sandbox: SandboxInstance,
  deb: LockedDeb,
  packagesMirror: string | undefined,
  onStep: (name: string, outcome: "done" | "already") => void,
): Promise<void> {
  for (const step of bootstrapSteps(deb, packagesMirror)) {
    if ((await execScript(sandbox, step.done)).exitCode === 0) {
      onStep(step.name, "already");
      continue;
    }
    const result = await execScript(sandbox, step.script);
    if (result.exitCode !== 0) {
      throw new Failure({
        code: "BOOTSTRAP_FAILED",
        kind: "deploy",
        message: `Mesa could not be brought into ${sandbox.metadata.name}: the step "${step.name}" exited with ${String(result.exitCode)}.`,
        log: result.output
          .split("\n")
          .filter((line) => line.trim() !== "")
          .slice(-15),
        hint: "Read what it said above. A template has Mesa inside already and starts faster.",
      });
    }
    onStep(step.name, "done");
  }
}
