import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_PORTS } from "../../world/config";
import { installBl } from "../../world/bl/install";
import { REAL_BL } from "../deploy/deploy-place";
import { parseRecording, type RecordedRequest, type RecordedRun } from "./bl-recording";

const RECORDINGS = resolve(import.meta.dirname, "../../transcripts/bl");

/** Recordings of what the product never asks of bl, so that the stand-in does not speak of it. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "deploy-help":
    "the stand-in lists the same flags in fewer words; the product only looks for flags that newer versions have",
  "push-help": "as deploy-help",
  help: "as deploy-help",
  "usage-error": "the usage text after the error is shorter",
  "deploy-dryrun-bad-toml": "the product checks blaxel.toml itself before bl sees it",
  "deploy-early-errors": "time-outs, registry credentials and build env files are not used by the product",
  "deploy-image": "has a blaxel.toml of its own, and so a test of its own below",
  "deploy-unknown-type": "the product always says the type",
  "deploy-stdout-noise": "shown through the fault bl-noise",
  "deploy-warnings": "the warning about a missing sandbox API is not printed",
  login: "the product never signs in through bl",
};

/** Single runs inside the others that show something the product never does. */
const LEFT_OUT_RUNS =
  /^(?:bl get sandbox x$|bl get image sandbox\/x$|bl get sandbox x --watch|bl get images$|bl logs sandbox x --period 4d|NO_COLOR=1 bl version|bl version|bl logs sandbox x$|.*--dryrun$|bl get sandboxes -o json|env -u BL_API_KEY bl push)/u;

const work = mkdtempSync(join(tmpdir(), "bl-test-"));
let server: Server;
let port = 0;
let expected: RecordedRequest[] = [];
let seen: string[] = [];
/** The JSON that was sent with them. */
let bodies: unknown[] = [];
/** What the recorded server said in x-should-retry with a status. */
let shouldRetry: Readonly<Record<string, string>> = {};

function concrete(text: string): string {
  return text
    .replaceAll("{PORT}", String(port))
    .replaceAll("{TIME}", "2026-01-01T00:00:00Z")
    .replaceAll("{ID}", "id")
    .replaceAll("{SIG}", "sig")
    .replaceAll("{TAG}", "abcdefghijkl")
    .replaceAll("\\r\\n", "\r\n");
}

function pattern(text: string): RegExp {
  const places: Readonly<Record<string, string>> = {
    PORT: "\\d+",
    TIME: "[-\\dT:. Z]+",
    N: "\\d+",
    TAG: "[a-z0-9]{12}",
    RAND5: "[a-z0-9]{5}",
    ID: "\\w+",
    SIG: "\\w+",
    DIR: "\\S+",
    HOME: "\\S+",
  };
  return new RegExp(
    `^${text
      .split(/\{([A-Z\d]+)\}/u)
      .map((part, at) =>
        at % 2 === 1 ? (places[part] ?? part) : part.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"),
      )
      .join("")}$`,
    "u",
  );
}

beforeAll(async () => {
  await installBl({
    dir: work,
    source: resolve(import.meta.dirname, "../../world"),
    gateway: "127.0.0.1",
    ports: DEFAULT_PORTS,
    swaps: REAL_BL ? { bl: process.env["WORLD_BL"] ?? "" } : {},
  });
  server = createServer((request, response) => {
    let sent = "";
    request.on("data", (chunk: Buffer) => {
      sent += chunk.toString("utf8");
    });
    request.on("end", () => {
      if (request.url?.startsWith("/_world/") === true) {
        response.writeHead(200, { "Content-Type": "application/json" }).end('{"on":false}');
        return;
      }
      if (sent.startsWith("{")) bodies.push(JSON.parse(sent));
      seen.push(`${request.method ?? ""} ${request.url?.split("?")[0] ?? ""}`);
      const answer = expected.shift();
      const body = concrete(answer?.body ?? "");
      const headers: Record<string, string> = {
        "Content-Type": body.startsWith("{") || body.startsWith("[") ? "application/json" : "text/html",
      };
      if (answer?.uploadUrl !== undefined) headers["X-Blaxel-Upload-Url"] = concrete(answer.uploadUrl);
      const retry = shouldRetry[String(answer?.status)];
      if (retry !== undefined) headers["x-should-retry"] = retry;
      response.writeHead(answer?.status ?? 500, headers).end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => {
  server.close();
  rmSync(work, { recursive: true, force: true });
});

async function replay(
  run: RecordedRun,
  toml = 'name = "x"\ntype = "sandbox"\n\n[runtime]\nmemory = 4096\n',
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const project = join(work, "proj");
  rmSync(project, { recursive: true, force: true });
  rmSync(join(work, "tmp"), { recursive: true, force: true });
  for (const folder of [project, join(work, "home"), join(work, "tmp")])
    mkdirSync(folder, { recursive: true });
  writeFileSync(join(project, "blaxel.toml"), toml);
  writeFileSync(
    join(project, "Dockerfile"),
    'FROM ghcr.io/blaxel-ai/sandbox:latest AS api\nFROM debian:bookworm-slim\nCOPY --from=api /sandbox-api /usr/local/bin/sandbox-api\nENTRYPOINT ["/usr/local/bin/sandbox-api"]\n',
  );
  expected = [...run.requests];
  const server = run.comments.find((comment) => comment.startsWith("server: "))?.slice("server: ".length);
  shouldRetry = (JSON.parse(server ?? "{}") as { shouldRetry?: typeof shouldRetry }).shouldRetry ?? {};
  seen = [];
  bodies = [];
  const env = {
    PATH: `${join(work, "bin")}:${process.env["PATH"] ?? ""}`,
    HOME: join(work, "home"),
    TMPDIR: join(work, "tmp"),
    TZ: "UTC",
    CI: "true",
    DO_NOT_TRACK: "1",
    BL_API_URL: `http://127.0.0.1:${String(port)}`,
    BL_API_KEY: "k",
    BL_WORKSPACE: "ws",
  };
  return new Promise((done) => {
    const child = spawn("sh", ["-c", run.command], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString("utf8");
    });
    child.on("close", (code) => {
      done({ code, stdout, stderr });
    });
  });
}

describe("the stand-in bl does what the real one was recorded doing", () => {
  const names = readdirSync(RECORDINGS)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => name.slice(0, -4))
    .sort();
  const runs = names
    .filter((name) => LEFT_OUT[name] === undefined)
    .flatMap((name) =>
      parseRecording(readFileSync(join(RECORDINGS, `${name}.txt`))).map((run, at) => ({
        name: `${name} ${String(at + 1)}`,
        run,
      })),
    );

  it("has recordings, and leaves out only what exists", () => {
    expect(names.length).toBeGreaterThan(30);
    expect(Object.keys(LEFT_OUT).filter((name) => !names.includes(name))).toEqual([]);
    expect(runs.length).toBeGreaterThan(25);
  });

  it.each(
    runs.filter(
      ({ run }) =>
        !LEFT_OUT_RUNS.test(run.command) &&
        !run.comments.some((comment) => comment.startsWith("blaxel.toml:")),
    ),
  )(
    "$name: $run.command",
    async ({ run }) => {
      const untyped = run.comments.includes("blaxel.toml has no type") ? 'name = "x"\n' : undefined;
      const ran = await replay(run, untyped);
      expect(ran.stdout).toMatch(pattern(run.stdout));
      expect(ran.stderr).toMatch(pattern(run.stderr));
      expect(ran.code).toBe(run.exitCode);
      const concretePath = (path: string): string => concrete(path).split("?")[0] ?? "";
      expect(seen).toEqual(run.requests.map((request) => `${request.method} ${concretePath(request.path)}`));
    },
    60_000,
  );
});

it.each([
  { body: "<html>", what: "a page instead of JSON" },
  { body: "", what: "nothing" },
])("a 200 that is $what fails the deploy, and says no more", async ({ body }) => {
  const request = { method: "POST", path: "/sandboxes?upload=true", status: 200, uploadUrl: undefined, body };
  const run = {
    command: "bl deploy",
    comments: [],
    exitCode: 1,
    stdout: "",
    stderr: "",
    requests: [request],
  };
  const ran = await replay(run);
  expect([ran.code, ran.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^✗ Deploy failed\nReason: .*: expected destination type of 'string' or '\[\]byte' for/u,
    ),
  ]);
});

describe("a deploy of a ready image", () => {
  const TOML = 'type = "sandbox"\nimage = "ghcr.io/Org/My_App:1.2"\n';
  const runs = parseRecording(readFileSync(join(RECORDINGS, "deploy-image.txt"))).slice(0, 2);
  const auths = (auth: string): string => JSON.stringify({ auths: { "ghcr.io": { auth } } });

  it.each([
    { run: runs[0], more: {} },
    { run: runs[1], more: { dockerConfig: auths("dTpw"), skipBuild: "true" } },
  ])("$run.command sends what was recorded: no zip, no upload", async ({ run, more }) => {
    if (run === undefined) throw new Error("deploy-image has no such run");
    const ran = await replay(run, TOML);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([
      run.exitCode,
      expect.stringMatching(pattern(run.stdout)),
      expect.stringMatching(pattern(run.stderr)),
    ]);
    expect(bodies).toEqual([
      {
        metadata: { name: "my-app", labels: {} },
        spec: { runtime: { image: "ghcr.io/Org/My_App:1.2", envs: [], ...more } },
      },
    ]);
    expect(seen.filter((request) => request.startsWith("PUT"))).toEqual([]);
    expect(readdirSync(join(work, "tmp"))).toEqual([]);
  });

  it("reads credentials from a file, with a digest in the reference and its own name", async () => {
    const file = join(work, "config.json");
    writeFileSync(file, JSON.stringify({ auths: { "ghcr.io": { auth: "ZmlsZTpw" } }, credsStore: "none" }));
    const [run] = runs;
    if (run === undefined) throw new Error("deploy-image is empty");
    const image = `ghcr.io/org/app@sha256:${"a".repeat(64)}`;
    const command = `bl deploy -y -o json --docker-config ${file}`;
    await replay({ ...run, command }, `type = "sandbox"\nimage = "${image}"\n`);
    expect(bodies).toEqual([
      {
        metadata: { name: "app", labels: {} },
        spec: { runtime: { image, envs: [], dockerConfig: auths("ZmlsZTpw") } },
      },
    ]);
  });
});
