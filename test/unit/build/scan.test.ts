import { describe, expect, it } from "vitest";
import { atLeast, scanImage } from "../../../src/build/scan";
import type { Host } from "../../../src/support/host";
import type { ProcessRequest, ProcessResult } from "../../../src/support/processes/run-process";

/** The engine of a docker context, which scanners do not read. */
const ENGINE = { address: "tcp://builder:2376", tls: { certificates: "/certs", skipVerify: false } };
const IMAGE = "mesa-template/debian:0.20.0-abc";
const GRYPE = {
  matches: [
    {
      vulnerability: { id: "CVE-2", severity: "High", fix: { versions: ["2.0"] } },
      artifact: { name: "openssl", version: "1.0" },
    },
    { vulnerability: { id: "CVE-1", severity: "Negligible" }, artifact: { name: "tar", version: "1" } },
  ],
};
const TRIVY = {
  Results: [
    { Vulnerabilities: null },
    {
      Vulnerabilities: [
        { VulnerabilityID: "CVE-9", Severity: "CRITICAL", PkgName: "libc6", InstalledVersion: "2.36" },
      ],
    },
  ],
};

/** A machine on which some programs are on PATH, each answering with a text or a result. */
function host(programs: Readonly<Record<string, unknown>>): {
  readonly host: Host;
  readonly ran: ProcessRequest[];
} {
  const ran: ProcessRequest[] = [];
  const run = (request: ProcessRequest): Promise<ProcessResult> => {
    ran.push(request);
    const answer = programs[request.command];
    const base = { exitCode: 0, signal: null, stdout: "", stderr: "", timedOut: false, durationMs: 1 };
    if (answer === undefined) return Promise.resolve({ ...base, exitCode: null, spawnError: "ENOENT" });
    return Promise.resolve({
      ...base,
      stdout: JSON.stringify(answer),
      ...(answer as Partial<ProcessResult>),
    });
  };
  return {
    ran,
    host: {
      run,
      env: { PATH: "/bin", HOME: "/root", BL_API_KEY: "a secret", DOCKER_CONTEXT: "builder" },
      signal: new AbortController().signal,
    } as unknown as Host,
  };
}

describe("scanImage", () => {
  it("refuses an image for what is as severe as the threshold, naming it and where it is fixed", async () => {
    await expect(scanImage(host({ grype: GRYPE }).host, ENGINE, IMAGE, "high")).rejects.toMatchObject({
      code: "VULNERABLE",
      kind: "build",
      log: ["high CVE-2 in openssl 1.0, fixed in 2.0"],
    });
  });

  it("lets less severe ones pass, and counts them", async () => {
    expect(await scanImage(host({ grype: GRYPE }).host, ENGINE, IMAGE, "critical")).toEqual({
      scanner: "grype",
      found: 2,
    });
  });

  it("takes trivy where there is no grype", async () => {
    const { host: machine, ran } = host({ trivy: TRIVY });
    await expect(scanImage(machine, ENGINE, IMAGE, "critical")).rejects.toMatchObject({
      message: expect.stringContaining("trivy finds 1 vulnerability") as unknown,
    });
    expect(ran.map(({ command }) => command)).toEqual(["grype", "trivy"]);
    expect(ran[1]?.args.at(-1)).toBe(IMAGE);
  });

  it("hands on where things are, with the engine that has the image, and no credential", async () => {
    const { host: machine, ran } = host({ grype: { matches: [] } });
    await scanImage(machine, ENGINE, IMAGE, "low");
    expect(ran[0]?.env).toEqual({
      ...{ PATH: "/bin", HOME: "/root" },
      ...{ DOCKER_HOST: "tcp://builder:2376", DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" },
    });
  });

  it("says that there is no scanner", async () => {
    await expect(scanImage(host({}).host, ENGINE, IMAGE, "low")).rejects.toMatchObject({
      code: "NO_SCANNER",
      kind: "environment",
    });
  });

  it.each([
    ["exits with an error", { exitCode: 1, stderr: "no database" }],
    ["gives no JSON", { stdout: "hello" }],
  ])("does not take a scanner that %s for one that found nothing", async (_, result) => {
    await expect(scanImage(host({ grype: result }).host, ENGINE, IMAGE, "low")).rejects.toMatchObject({
      code: "SCAN_FAILED",
    });
  });
});

describe("atLeast", () => {
  it("puts the most severe first and leaves out unknown words", () => {
    const one = (id: string, severity: string) => ({ id, severity, package: "p", version: "1", fixedIn: "" });
    const found = [one("a", "medium"), one("b", "critical"), one("c", "unknown"), one("d", "low")];
    expect(atLeast(found, "medium").map(({ id }) => id)).toEqual(["b", "a"]);
  });
});
