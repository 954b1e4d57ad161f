import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { loadUpstream } from "../../../src/lock/upstream";
import type { CheckResult } from "../../../src/smoke/report";
import { buildFixture, realHost } from "./fixture-image";
import { mesaTemplate, PROGRAM, temporaryRoot } from "../program";

const CORPUS = join(import.meta.dirname, "checks-corpus");
const EACH_KIND = join(CORPUS, "each-kind.yaml");
const host = realHost("checks-tests");
const BASES = {
  debian: "docker.io/library/debian:bookworm-slim",
  alpine: "docker.io/library/alpine:3.21",
};
const imageOf = (kind: string): string => `checks-fixture:${kind}`;
const work = mkdtempSync(join(tmpdir(), "mesa-template-checks-"));
let engine: Engine;

const WORDS = { PASS: "passed", FAIL: "failed", SKIP: "skipped" } as const;

/** Results whose outcome is not the first word of their name. */
function surprises(results: readonly CheckResult[]): readonly string[] {
  return results
    .filter(({ name, outcome }) => WORDS[name.slice(0, 4) as keyof typeof WORDS] !== outcome)
    .map(({ name, outcome, expected, seen }) => `${name}: ${outcome}; ${expected ?? ""} / ${seen ?? ""}`);
}

function ofFile(checks: readonly CheckResult[] | undefined, file: string): readonly CheckResult[] {
  return (checks ?? []).filter((check) => check.file === file);
}

function given(name: string, text: string): string {
  const path = join(work, name);
  writeFileSync(path, text);
  return path;
}

interface Smoked {
  readonly results: readonly { readonly template: string; readonly checks: readonly CheckResult[] }[];
}

beforeAll(async () => {
  engine = await connectEngine(host);
  const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
  for (const [kind, base] of Object.entries(BASES)) {
    const mirrored = `${mirrors.images ?? ""}${base}`;
    await engine.pull({ reference: mirrored });
    const dockerfile = readFileSync(join(CORPUS, "Dockerfile.fixture"), "utf8");
    const serve = readFileSync(join(CORPUS, "serve"), "utf8");
    await buildFixture(host, engine, imageOf(kind), dockerfile, {
      files: { serve },
      buildArgs: { BASE: mirrored },
    });
  }
});

afterAll(async () => {
  rmSync(work, { recursive: true, force: true });
  for (const kind of Object.keys(BASES)) await engine.removeImage(imageOf(kind));
});

describe.each(Object.keys(BASES))("a check file on a local %s image", (kind) => {
  it("sees each kind of check pass, and fail", async () => {
    const junit = join(work, `${kind}.xml`);
    const ran = await mesaTemplate([
      "smoke",
      "--image",
      imageOf(kind),
      "--checks",
      EACH_KIND,
      "--junit",
      junit,
      "--json",
    ]);
    expect(ran.code, ran.stderr).toBe(6);
    const checks = ofFile(ran.json<Smoked>().results[0]?.checks, EACH_KIND);
    expect(checks.length).toBeGreaterThanOrEqual(40);
    expect(surprises(checks)).toEqual([]);
    const source = readFileSync(EACH_KIND, "utf8").split("\n");
    for (const { name, line, outcome, seen } of checks) {
      expect(source[(line ?? 0) - 1], name).toContain(`- name: ${name}`);
      expect(outcome === "failed" ? seen : "-", name).toBeTruthy();
    }
    const byName = (part: string): CheckResult | undefined => checks.find(({ name }) => name.includes(part));
    expect(byName("FAIL a shell command")?.hint).toBe("a hint of the author's");
    expect(byName("ends at once")?.seen).toContain("the service printed: cannot");
    expect(byName("on the loopback")?.hint).toContain("0.0.0.0");
    expect(byName("SKIP")?.seen).toContain("/dev/no-such-device");
    const xml = readFileSync(junit, "utf8");
    expect(xml).toContain(`file="${EACH_KIND}" line="${String(byName("FAIL the size")?.line)}"`);
  });
});

describe("a check file", () => {
  it("is run on an image without a shell, as far as that goes", async () => {
    const image = "checks-fixture:none";
    await buildFixture(
      host,
      engine,
      image,
      `FROM ${imageOf("alpine")} AS from\nFROM scratch\nCOPY --from=from /bin/busybox /cat\n`,
    );
    const file = given(
      "no-shell.yaml",
      `schemaVersion: 1
checks:
  - name: PASS an argument vector
    command: [/cat, /proc/self/comm]
    stdout: ^cat\\n$
    cwd: /
    env: { A: 1 }
  - name: FAIL a shell command
    command: echo
  - name: FAIL a program that is not there
    command: [/none]
    exitCode: 127
  - name: FAIL a service
    start: sleep 1
    http: {}
  - name: FAIL over its time
    command: [/cat, /dev/full, /dev/zero]
    timeLimit: 1s
`,
    );
    const ran = await mesaTemplate(["smoke", "--image", image, "--checks", file, "--json"]);
    await engine.removeImage(image);
    expect(surprises(ofFile(ran.json<Smoked>().results[0]?.checks, file))).toEqual([]);
  });

  it("asks what the image itself serves", async () => {
    const image = "checks-fixture:serving";
    await buildFixture(host, engine, image, `FROM ${imageOf("debian")}\nCMD ["serve", "80"]\n`);
    const file = given(
      "serving.yaml",
      "schemaVersion: 1\nchecks:\n  - name: PASS it serves\n    http: { port: 80, body: hello }\n    retry: { for: 5s }\n  - name: PASS it listens\n    listening: [80]\n",
    );
    const ran = await mesaTemplate(["smoke", "--image", image, "--checks", file, "--json"]);
    await engine.removeImage(image);
    expect(ran.code, ran.stdout).toBe(0);
  });

  it("asks a service from a container that has the engine's socket, on any network", () => {
    const text =
      "schemaVersion: 1\nchecks: [{ name: PASS it serves, start: serve 81, http: { port: 81 } }]\n";
    const file = given("in-container.yaml", text);
    const socket = engine.facts.address.replace("unix://", "");
    const mounts = [`${socket}:/var/run/docker.sock`, `${process.execPath}:/usr/bin/node`, `${work}:${work}`];
    const dist = dirname(PROGRAM);
    for (const network of ["bridge", "host"]) {
      const container = ["run", "--rm", `--network=${network}`, "--hostname=renamed", "--entrypoint=node"];
      const volumes = [...mounts, `${dist}:${dist}`].flatMap((mount) => ["-v", mount]);
      const command = [PROGRAM, "smoke", "--image", imageOf("debian"), "--checks", file];
      const said = execFileSync("docker", [...container, ...volumes, imageOf("debian"), ...command]);
      expect(said.toString(), network).toContain("1 passed, 0 failed");
    }
  });

  it("is refused with file and line when it is broken, before any container starts", async () => {
    const broken = given(
      "broken.yaml",
      "schemaVersion: 1\nchecks:\n  - name: a\n    command: x\n    exitcode: 1\n",
    );
    const ran = await mesaTemplate(["smoke", "--image", "no-such-image:1", "--checks", broken, "--json"]);
    expect(ran.code).toBe(2);
    expect(ran.json()).toMatchObject({
      error: { code: "CHECKS_INVALID", message: `${broken}:5: there is no field checks[0].exitcode.` },
    });
    const absent = await mesaTemplate([
      "smoke",
      "--image",
      imageOf("debian"),
      "--checks",
      "/none.yaml",
      "--json",
    ]);
    expect([absent.code, absent.json()]).toMatchObject([2, { error: { code: "CHECKS_MISSING" } }]);
    const nothing = await mesaTemplate(["smoke", "--image", imageOf("debian"), "--json"]);
    expect(nothing.code).toBe(2);
  });

  it("leaves no container behind", () => {
    const of = Object.keys(BASES).map((kind) => `--filter=ancestor=${imageOf(kind)}`);
    expect(execFileSync("docker", ["ps", "-aq", ...of], { encoding: "utf8" })).toBe("");
  });
});

describe("a template's checks.yaml", () => {
  const place = temporaryRoot();
  const own = join(place.root, "templates/alpine/checks.yaml");
  const more = given(
    "more.yaml",
    `schemaVersion: 1
checks:
  - name: PASS its own user, there as here
    command: id -u; id -g; echo "$X $HOME"; pwd
    user: nobody
    env: { X: y }
    cwd: /etc
    stdout: ^65534\\n65534\\ny /blaxel\\n/etc\\n$
  - name: PASS a service on a port of its own, there as here
    start: while :; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nserved\\n' | nc -l -p 3000; done
    http: { port: 3000, body: ^served\\n$ }
  - name: PASS its port is listened on
    listening: [8080]
  - name: PASS nothing is over time
    command: sleep 0.1
    timeLimit: 10s
`,
  );
  const failing = given(
    "failing.yaml",
    `schemaVersion: 1
checks:
  - name: FAIL over its time, there as here
    command: [sleep, "60"]
    timeLimit: 1s
  - name: FAIL a service that nobody hears
    start: exec httpd -f -p 127.0.0.1:3000 -h /etc
    http: { port: 3000 }
    retry: { for: 1s }
  - name: FAIL a port that nobody listens on
    listening: [3999]
  - name: SKIP a device, there as here
    command: "true"
    devices: [/dev/no-such-device]
`,
  );
  const common = ["0.20.0", "--template", "alpine", "--root", place.root, "--json"];

  afterAll(() => {
    place.remove();
  });

  it("stops a release before anything is built when it is broken", async () => {
    const before = readFileSync(own, "utf8");
    writeFileSync(own, before.replace("user: nobody", "usr: nobody"));
    const ran = await mesaTemplate(["release", ...common]);
    writeFileSync(own, before);
    expect(ran.code).toBe(2);
    expect(ran.stderr).not.toContain("build …");
    expect(ran.json()).toMatchObject({
      error: { code: "CHECKS_INVALID", message: `${own}:15: there is no field checks[3].usr.` },
    });
  });

  it("runs with the checks that are given, in the local container and in the deployed sandbox", async () => {
    const ran = await mesaTemplate(["release", ...common, "--checks", more]);
    expect(ran.code, ran.stdout).toBe(0);
    const smoked = await mesaTemplate(["smoke", ...common, "--checks", more]);
    const local = smoked.json<Smoked>().results[0]?.checks;
    expect(surprises(ofFile(local, more))).toEqual([]);
    expect(ofFile(local, own).map(({ outcome }) => outcome)).toEqual(Array(8).fill("passed"));
    const verified = await mesaTemplate(["verify", ...common, "--checks", more]);
    expect(verified.code, verified.stdout).toBe(0);
    const there = verified.json<Smoked>().results[0]?.checks;
    expect(ofFile(there, more).map(({ outcome }) => outcome)).toEqual(Array(4).fill("passed"));
    // What is about the image at rest is not part of a run in a sandbox.
    expect(ofFile(there, own).map(({ outcome }) => outcome)).toEqual(Array(6).fill("passed"));
  });

  it("fails in both when it must", async () => {
    const smoked = await mesaTemplate(["smoke", ...common, "--checks", failing]);
    expect(smoked.code).toBe(6);
    expect(surprises(ofFile(smoked.json<Smoked>().results[0]?.checks, failing))).toEqual([]);
    const verified = await mesaTemplate(["verify", ...common, "--checks", failing]);
    expect(verified.code).toBe(7);
    const log = verified.json<{ error: { log: string[] } }>().error.log.join("\n");
    expect(log).toContain("FAIL over its time, there as here: none;");
    expect(log).toContain("FAIL a service that nobody hears: 502");
    expect(log).toContain("FAIL a port that nobody listens on: listening: 8080");
  });
});
