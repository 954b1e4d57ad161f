import * as z from "zod/mini";
import { engineVariables, type EngineFacts } from "../docker/index";
import { variables } from "../support/environment";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { runOther } from "../support/processes/other-program";
import { outputLines } from "../support/text/output-lines";
import { SEVERITIES, type Severity } from "./severity";

/** A vulnerability found by a scanner; fixedIn is "" if no version fixes it yet. */
export const vulnerabilitySchema = z.readonly(
  z.object({
    id: z.string(),
    severity: z.string(),
    package: z.string(),
    version: z.string(),
    fixedIn: z.string(),
  }),
);
export type Vulnerability = z.infer<typeof vulnerabilitySchema>;

/** The target of a scan: an image on an engine, or an SBOM file (CycloneDX). */
export type ScanTarget =
  { readonly image: string; readonly engine: EngineAddress } | { readonly sbom: string };

type EngineAddress = Pick<EngineFacts, "address" | "tls">;

interface Scanner {
  readonly command: string;
  readonly args: (target: ScanTarget) => readonly string[];
  readonly read: (answer: unknown) => readonly Vulnerability[];
}

interface GrypeAnswer {
  readonly matches?: readonly {
    readonly vulnerability?: {
      readonly id?: string;
      readonly severity?: string;
      readonly fix?: { readonly versions?: readonly string[] };
    };
    readonly artifact?: { readonly name?: string; readonly version?: string };
  }[];
}

interface TrivyAnswer {
  readonly Results?: readonly {
    readonly Vulnerabilities?: readonly {
      readonly VulnerabilityID?: string;
      readonly Severity?: string;
      readonly PkgName?: string;
      readonly InstalledVersion?: string;
      readonly FixedVersion?: string;
    }[];
  }[];
}

function vulnerability(
  id = "?",
  severity = "unknown",
  name = "?",
  version = "?",
  fixedIn = "",
): Vulnerability {
  return { id, severity: severity.toLowerCase(), package: name, version, fixedIn };
}

/** In order of preference. Options according to their --help (grype 0.100, trivy 0.60). */
const SCANNERS: readonly Scanner[] = [
  {
    command: "grype",
    args: (target) => [
      "image" in target ? `docker:${target.image}` : `sbom:${target.sbom}`,
      ...["--output", "json", "--quiet"],
    ],
    read: (answer) =>
      ((answer as GrypeAnswer).matches ?? []).map(({ vulnerability: of, artifact }) =>
        vulnerability(of?.id, of?.severity, artifact?.name, artifact?.version, of?.fix?.versions?.join(", ")),
      ),
  },
  {
    command: "trivy",
    args: (target) => [
      "image" in target ? "image" : "sbom",
      ...["--quiet", "--format", "json", "image" in target ? target.image : target.sbom],
    ],
    read: (answer) =>
      ((answer as TrivyAnswer).Results ?? [])
        .flatMap((result) => result.Vulnerabilities ?? [])
        .map((of) =>
          vulnerability(of.VulnerabilityID, of.Severity, of.PkgName, of.InstalledVersion, of.FixedVersion),
        ),
  },
];

const LIMIT_MS = 900_000;
const SHOWN = 15;

/** Findings of a scanner. */
export interface Scan {
  readonly scanner: string;
  readonly found: readonly Vulnerability[];
}

/**
 * Scans an image or an SBOM with the first of grype and trivy on PATH.
 * @throws Failure NO_SCANNER, SCAN_FAILED (exit 3)
 */
export async function scan(host: Host, target: ScanTarget): Promise<Scan> {
  const what = "image" in target ? target.image : target.sbom;
  for (const scanner of SCANNERS) {
    const result = await runOther(host, scanner.command, scanner.args(target), {
      env: { ...scannerEnvironment(host.env), ...("image" in target ? engineVariables(target.engine) : {}) },
      timeoutMs: LIMIT_MS,
      keepBytes: 256 * 1024 * 1024,
    });
    if (result.spawnError !== undefined) continue;
    const found = parsed(scanner, result.stdout);
    if (result.exitCode === 0 && found !== undefined) return { scanner: scanner.command, found };
    throw new Failure({
      code: "SCAN_FAILED",
      kind: "environment",
      message: `${scanner.command} could not scan ${what}${result.timedOut ? ` within ${String(LIMIT_MS / 60_000)} minutes` : ` (exit ${String(result.exitCode)})`}.`,
      log: outputLines(result.stderr, 10),
      hint: "It first downloads a database of vulnerabilities: check its network access.",
    });
  }
  throw noScanner();
}

/**
 * Checks that a scanner is installed, before work starts that needs one.
 * @throws Failure NO_SCANNER (exit 3)
 */
export async function requireScanner(host: Host): Promise<void> {
  for (const { command } of SCANNERS) {
    const request = { env: scannerEnvironment(host.env), timeoutMs: 20_000 };
    const { spawnError } = await runOther(host, command, ["--version"], request);
    if (spawnError === undefined) return;
  }
  throw noScanner();
}

function noScanner(): Failure {
  return new Failure({
    code: "NO_SCANNER",
    kind: "environment",
    message: "Neither grype nor trivy is on PATH, so nothing can be scanned.",
    hint: "Install one of them (anchore/grype, aquasecurity/trivy).",
  });
}

/**
 * Scans a local image, and refuses it for vulnerabilities of the threshold's severity or higher.
 * @returns the scanner, and the number of all vulnerabilities
 * @throws Failure VULNERABLE (exit 5); those of scan
 */
export async function scanImage(
  host: Host,
  engine: EngineAddress,
  image: string,
  threshold: Severity,
): Promise<{ readonly scanner: string; readonly found: number }> {
  const { scanner, found } = await scan(host, { image, engine });
  const severe = atLeast(found, threshold);
  if (severe.length === 0) return { scanner, found: found.length };
  throw new Failure({
    code: "VULNERABLE",
    kind: "build",
    message: `${scanner} finds ${String(severe.length)} ${severe.length === 1 ? "vulnerability" : "vulnerabilities"} of severity ${threshold} or more in ${image}.`,
    log: severe.slice(0, SHOWN).map(vulnerabilityText),
    hint: "A newer base often has the fixes: mesa-template outdated shows one, --relock takes it. Raise the threshold with --scan critical.",
  });
}

function parsed(scanner: Scanner, stdout: string): readonly Vulnerability[] | undefined {
  try {
    return scanner.read(JSON.parse(stdout));
  } catch {
    return undefined;
  }
}

/** Findings of at least the threshold's severity, the most severe first. */
export function atLeast(found: readonly Vulnerability[], threshold: Severity): readonly Vulnerability[] {
  const rank = ({ severity }: Vulnerability): number => SEVERITIES.indexOf(severity as Severity);
  return found
    .filter((one) => rank(one) >= SEVERITIES.indexOf(threshold))
    .sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1));
}

/** One vulnerability as a line. */
export function vulnerabilityText({ id, severity, package: name, version, fixedIn }: Vulnerability): string {
  return `${severity} ${id} in ${name} ${version}${fixedIn === "" ? "" : `, fixed in ${fixedIn}`}`;
}

/** The environment for a scanner: paths, proxy, its own settings, Docker's logins (trivy's database is in a registry). */
function scannerEnvironment(env: Host["env"]): Host["env"] {
  return variables(
    env,
    /^(?:PATH|HOME|TMPDIR|XDG_\w+|DOCKER_CONFIG|GRYPE_\w+|TRIVY_\w+|(?:https?|no)_proxy|SSL_CERT_\w+)$/iu,
  );
}
