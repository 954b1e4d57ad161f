import { createServer, request as httpRequest, type Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Image } from "../../../src/build/image";
import { connectEngine, type Engine } from "../../../src/docker/index";
import { configDigestOf } from "../../../src/docker/saved-image/index";
import { readLock } from "../../../src/lock/index";
import { loadTemplate, renderTemplate } from "../../../src/render/index";
import type { RenderedTemplate } from "../../../src/render/rendered";
import { MOUNT_CHECK } from "../../../src/smoke/check";
import { smokeImage } from "../../../src/smoke/index";
import type { SmokeReport } from "../../../src/smoke/report";
import type { Host } from "../../../src/support/host";
import { buildFixture, realHost } from "./fixture-image";
import { mesaTemplate, temporaryRoot } from "../program";
import { fault, faultsOff, state } from "../world";

/** Of this run alone: an earlier one that was ended may have left its own. */
const RUN = `smoke-tests-${String(process.pid)}`;
const SECRET = "bl_a8f3c1d94e7b20";
const withoutMesa = { ...process.env, MESA_API_KEY: undefined, MESA_ORG: undefined };
const host = realHost(RUN, { ...withoutMesa, BL_API_KEY: SECRET });
const place = temporaryRoot();
const TEMPLATES = ["debian", "alpine"] as const;
type Template = (typeof TEMPLATES)[number];

let engine: Engine;
const images = new Map<Template, Image>();
const rendered = new Map<Template, RenderedTemplate>();
const made: string[] = [];

function of<T>(map: ReadonlyMap<Template, T>, template: Template): T {
  const found = map.get(template);
  if (found === undefined) throw new Error(`${template} was not built`);
  return found;
}

/** The template's image with something done to it. */
async function variant(
  template: Template,
  name: string,
  lines: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Image> {
  const reference = `smoke-variant:${template}-${name}`;
  await buildFixture(host, engine, reference, `FROM ${of(images, template).reference}\n${lines}\n`, {
    files,
  });
  made.push(reference);
  const { id = "" } = (await engine.image(reference)) ?? {};
  return { ...of(images, template), reference, id: await configDigestOf(engine, { id, reference }) };
}

async function smoke(
  template: Template,
  image: Image,
  as: Host = host,
  on: Engine = engine,
): Promise<SmokeReport> {
  return smokeImage(as, on, of(rendered, template), image);
}

const failedIn = (report: SmokeReport): readonly string[] =>
  report.checks.filter((check) => check.outcome === "failed").map((check) => check.name);

const skippedIn = (report: SmokeReport): readonly string[] =>
  report.checks.filter((check) => check.outcome === "skipped").map((check) => check.name);

beforeAll(async () => {
  engine = await connectEngine(host);
  const built = await mesaTemplate(["build", "0.20.0", "--root", place.root, "--json"], { env: withoutMesa });
  expect(built.code, built.stderr).toBe(0);
  for (const { template, image } of built.json<{ results: { template: Template; image: Image }[] }>()
    .results) {
    const lock = await readLock(join(place.root, "dockerfiles", template, "0.20.0/lock.json"));
    if (lock === undefined) throw new Error("there is no lock");
    images.set(template, image);
    rendered.set(template, renderTemplate(await loadTemplate(place.root, template), lock));
  }
});

afterAll(async () => {
  place.remove();
  for (const reference of made) await engine.removeImage(reference);
  expect(await engine.containers([`mesa-template.run=${RUN}`])).toEqual([]);
});

describe.each(TEMPLATES)("the %s image", (template) => {
  it("passes every check", async () => {
    const report = await smoke(template, of(images, template));
    expect(failedIn(report)).toEqual([]);
    // There is no Mesa credential here.
    expect(skippedIn(report)).toEqual([MOUNT_CHECK]);
    expect(report.passed).toBeGreaterThanOrEqual(22);
  });
});

type Harm = readonly [
  name: string,
  lines: string,
  seenBy: readonly string[],
  files?: Readonly<Record<string, string>>,
];

/** What is done to a good image, and the checks that must see it: no others may fail with it. */
const HARM: readonly Harm[] = [
  [
    "no user_allow_other",
    "RUN echo '#user_allow_other' > /etc/fuse.conf",
    ["other users may mount (user_allow_other)"],
  ],
  [
    "fusermount3 without setuid",
    "RUN chmod u-s $(readlink -f $(command -v fusermount3))",
    ["fusermount3 is setuid root"],
  ],
  ["no CA bundle", "RUN rm /etc/ssl/certs/ca-certificates.crt", ["a CA bundle exists"]],
  [
    "a key in the environment",
    "ENV SERVICE_API_KEY=0123456789",
    ["no credential in environment, labels or history"],
  ],
  [
    "a key that was removed again",
    `RUN echo ${SECRET.slice(0, 7)}'${SECRET.slice(7)}' > /tmp/k\nRUN rm /tmp/k`,
    ["no credential of this run is in the image"],
  ],
  [
    "a package file and a configuration",
    "RUN mkdir -p /etc/mesa && touch /etc/mesa/config.toml /opt/mesa.deb",
    ["no configuration, pid file, package list or .deb is left"],
  ],
  [
    "starts another server",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["nothing listens but 8080"],
    {
      start:
        "#!/bin/sh\nSANDBOX_LOG_DIR=/tmp/l SANDBOX_STATE_FILE=/tmp/s /usr/local/bin/sandbox-api -port 9090 &\nexec /usr/local/bin/mesa-entrypoint\n",
    },
  ],
  [
    "deaf to SIGTERM",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["it stops within 2 s on SIGTERM"],
    { start: "#!/bin/sh\ntrap '' TERM\n/usr/local/bin/mesa-entrypoint &\nwhile :; do sleep 1; done\n" },
  ],
  [
    "/dev/fuse for root alone",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["/dev/fuse is open to other users"],
    // The device has the mode that it has on the engine's machine.
    { start: "#!/bin/sh\nchmod 600 /dev/fuse\nexec /usr/local/bin/sandbox-api\n" },
  ],
  [
    "no log folder",
    "RUN rm -rf /var/log/sandbox-api && touch /var/log/sandbox-api",
    [
      "a command runs through the API",
      "a command that fails is reported as failed",
      "the sandbox API's log folder is writable",
    ],
  ],
  [
    "package lists",
    "RUN mkdir -p /var/lib/apt/lists && touch /var/lib/apt/lists/deb_Packages",
    ["no package manager of the build is left", "no configuration, pid file, package list or .deb is left"],
  ],
  ["a USER line", "USER nobody", ["no USER: the API runs as root"]],
  [
    "a library that is gone",
    "RUN rm $(ldd /usr/bin/mesa | grep -o '/.*libfuse3[^ ]*')",
    ["mesa is the pinned version", "every shared library of mesa resolves", "another user can run commands"],
  ],
  ["HOME that is not there", "ENV HOME=/nowhere", ["HOME is in the image"]],
  [
    "HOME that the entrypoint makes",
    'ENV HOME=/late\nCOPY start /start\nENTRYPOINT ["/start"]',
    ["HOME is in the image"],
    { start: "#!/bin/sh\nmkdir -p /late\nexec /usr/local/bin/mesa-entrypoint\n" },
  ],
  [
    "an entrypoint that passes no signal on as process 1",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["it stops within 2 s on SIGTERM"],
    { start: "#!/bin/sh\n/usr/local/bin/mesa-entrypoint &\nwait\n" },
  ],
  [
    "an orphan of the entrypoint",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["it leaves no zombies"],
    // It ends when the shell is gone: a shell as process 1 would reap it.
    {
      start:
        "#!/bin/sh\nsh -c 'until grep -q sandbox-api /proc/1/comm; do sleep 0.05; done &'\nexec /usr/local/bin/mesa-entrypoint\n",
    },
  ],
  [
    "a process that waits for no child",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["it leaves no zombies"],
    {
      start: "#!/bin/sh\nsh -c 'sleep 0.1 & exec sleep 600' &\nexec /usr/local/bin/mesa-entrypoint\n",
    },
  ],
  ["a mesa for root alone", "RUN chmod 700 /usr/bin/mesa", ["another user can run commands"]],
  [
    "a FUSE that the kernel refuses",
    'COPY start /start\nENTRYPOINT ["/start"]',
    ["the kernel allows a FUSE mount from inside"],
    {
      start: "#!/bin/sh\nrm /dev/fuse && mknod -m 666 /dev/fuse c 1 3\nexec /usr/local/bin/mesa-entrypoint\n",
    },
  ],
];

describe.concurrent("harm done to an image is seen, by the check that is there for it", () => {
  for (const [name, lines, expected, files] of HARM)
    it(name, async () => {
      const report = await smoke(
        "debian",
        await variant(
          "debian",
          name
            .replaceAll(/[^a-z]+/giu, "-")
            .replaceAll(/^-|-$/gu, "")
            .toLowerCase(),
          lines,
          files,
        ),
      );
      expect(failedIn(report)).toEqual(expected);
      for (const check of report.checks.filter(({ outcome }) => outcome === "failed")) {
        expect(check.seen, check.name).toBeTruthy();
        expect(check.hint, check.name).toBeTruthy();
        expect(check.seen).not.toContain(SECRET);
      }
    });

  it("another mesa", async () => {
    const image = await variant("alpine", "another-mesa", "COPY mesa /usr/bin/mesa", {
      mesa: "#!/bin/sh\necho mesa 9.9.9\n",
    });
    const report = await smoke("alpine", image);
    expect(failedIn(report)).toEqual(["mesa is the pinned version"]);
    expect(report.checks.find((check) => check.name === "mesa is the pinned version")?.seen).toContain(
      "9.9.9",
    );
  });

  it("libc6-compat beside gcompat, or instead of it", async () => {
    const beside = await smoke(
      "alpine",
      await variant("alpine", "compat", "RUN printf 'P:libc6-compat\\nV:1\\n\\n' >> /lib/apk/db/installed"),
    );
    expect(failedIn(beside)).toContain("every shared library of mesa resolves");
  });

  it.each(["dpkg", "curl"])("%s of the build on Alpine", async (name) => {
    const line = `RUN printf 'P:${name}\\nV:1\\n\\n' >> /lib/apk/db/installed`;
    expect(failedIn(await smoke("alpine", await variant("alpine", `left-${name}`, line)))).toEqual([
      "no package manager of the build is left",
    ]);
  });

  it("a port that the template declares is allowed", async () => {
    const image = await variant("alpine", "declared-port", 'COPY start /start\nENTRYPOINT ["/start"]', {
      start:
        "#!/bin/sh\nSANDBOX_LOG_DIR=/tmp/l SANDBOX_STATE_FILE=/tmp/s /usr/local/bin/sandbox-api -port 3000 &\nexec /usr/local/bin/mesa-entrypoint\n",
    });
    const { settings } = of(rendered, "alpine");
    const ports = [{ name: "app", target: 3000, protocol: "http" }] as const;
    const declaring = {
      ...of(rendered, "alpine"),
      settings: { ...settings, sandbox: { ...settings.sandbox, ports } },
    };
    expect(failedIn(await smoke("alpine", image))).toContain("nothing listens but 8080");
    expect(failedIn(await smokeImage(host, engine, declaring, image))).not.toContain(
      "nothing listens but 8080",
    );
  });

  it("in the image that was built, not in one that another run gave its name to", async () => {
    const bad = await variant("alpine", "renamed", "RUN echo > /etc/fuse.conf");
    const [repo = "", tag = ""] = bad.reference.split(":");
    await engine.tag(of(images, "alpine").reference, repo, tag);
    if (engine.facts.idsAreConfigDigests)
      expect(failedIn(await smoke("alpine", bad))).toEqual(["other users may mount (user_allow_other)"]);
    else await expect(smoke("alpine", bad)).rejects.toMatchObject({ code: "IMAGE_GONE" });
  });

  it("an image over its budget", async () => {
    const tight = {
      ...of(rendered, "alpine"),
      settings: { ...of(rendered, "alpine").settings, image: { budgetMegabytes: 1 } },
    };
    expect(failedIn(await smokeImage(host, engine, tight, of(images, "alpine")))).toEqual([
      "the image is within its budget",
    ]);
  });
});

describe("a container that does not come up", () => {
  it.each([
    [
      "ends at once",
      'COPY start /start\nENTRYPOINT ["/start"]',
      { start: "#!/bin/sh\necho the last words\nexit 9\n" },
      "CONTAINER_DIED",
      "the last words",
    ],
    ["has no entrypoint", 'ENTRYPOINT ["/nowhere"]', {}, "CONTAINER_", "127"],
    [
      "cannot execute it",
      'COPY start /start\nRUN chmod 644 /start\nENTRYPOINT ["/start"]',
      { start: "#!/bin/sh\n" },
      "CONTAINER_",
      "126",
    ],
  ])("because it %s", async (name, lines, files, code, words) => {
    const refused = (await smoke(
      "alpine",
      await variant("alpine", name.replaceAll(" ", "-"), lines, files as Record<string, string>),
    ).catch((error: unknown) => error)) as {
      code: string;
      kind: string;
      message: string;
      log: string[];
      hint: string;
    };
    expect([refused.code.startsWith(code), refused.kind]).toEqual([true, "smoke"]);
    expect([refused.message, ...refused.log, refused.hint].join("\n")).toContain(words);
  });

  it("because it never listens", async () => {
    const image = await variant("alpine", "deaf", 'ENTRYPOINT ["sleep", "60"]');
    const impatient: Host = { ...host, clock: { ...host.clock, now: () => Date.now() * 20 } };
    await expect(smoke("alpine", image, impatient)).rejects.toMatchObject({
      code: "HEALTH_TIMEOUT",
      kind: "smoke",
    });
  });
});

describe("a real mount", () => {
  const withMesa = realHost(`${RUN}-mesa`);
  const MOUNT = "Mesa mounts, is written and read back";
  afterEach(faultsOff);

  it.each([
    ["mount-lies", "no mount"],
    ["mount-read-only", ""],
    ["mesa-grpc-down", ""],
  ])("%s is seen, and the key is revoked", async (name, words) => {
    await fault(name);
    const report = await smoke("debian", of(images, "debian"), withMesa);
    expect(failedIn(report)).toEqual([MOUNT]);
    expect(report.checks.find((check) => check.name === MOUNT)?.seen).toContain(words);
    const { keys, repos } = await state();
    expect(keys.filter((key) => key.name.includes(withMesa.runId) && key.revoked_at === null)).toEqual([]);
    expect(repos.filter((repo) => repo.name.includes(withMesa.runId))).toEqual([]);
  });
});

describe("where the engine's host has no /dev/fuse", () => {
  const folder = mkdtempSync(join(tmpdir(), "smoke-engine-"));
  const socket = join(folder, "engine.sock");
  let proxy: Server;

  /** The real engine behind a door that gives no container /dev/fuse. */
  beforeAll(async () => {
    const socketPath = new URL((await connectEngine(host)).facts.address).pathname;
    proxy = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = Buffer.concat(chunks);
        if (/containers\/create/u.test(incoming.url ?? "") && body.includes("/dev/fuse")) {
          outgoing.writeHead(500, { "Content-Type": "application/json" });
          outgoing.end(
            JSON.stringify({
              message:
                'error gathering device information while adding custom device "/dev/fuse": no such file or directory',
            }),
          );
          return;
        }
        const onward = httpRequest(
          {
            socketPath,
            method: incoming.method ?? "GET",
            path: incoming.url ?? "/",
            headers: incoming.headers,
          },
          (answer) => {
            outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(outgoing);
          },
        );
        onward.on("error", () => outgoing.destroy());
        // Whoever stops reading must not leave the engine writing.
        outgoing.on("close", () => onward.destroy());
        onward.end(body);
      });
    });
    await new Promise<void>((done) => proxy.listen(socket, done));
  });
  afterAll(async () => {
    await new Promise((done) => proxy.close(done));
    rmSync(folder, { recursive: true, force: true });
  });

  it("skips what needs it, with the reason, and the rest passes", async () => {
    const as = realHost(RUN, { ...host.env, DOCKER_HOST: `unix://${socket}` });
    const report = await smoke("debian", of(images, "debian"), as, await connectEngine(as));
    expect(failedIn(report)).toEqual([]);
    const names = ["the kernel allows a FUSE mount from inside", "/dev/fuse is open to other users"];
    expect(skippedIn(report).toSorted()).toEqual([...names, MOUNT_CHECK].toSorted());
    expect(report.checks.find(({ name }) => name === names[0])?.seen).toContain("/dev/fuse");
  });

  it("stops a release, unless skipping is allowed", async () => {
    const env = { ...withoutMesa, DOCKER_HOST: `unix://${socket}` };
    const args = ["release", "0.20.0", "--no-deploy", "--template", "debian", "--root", place.root, "--json"];
    const stopped = await mesaTemplate(args, { env });
    expect([stopped.code, stopped.json<{ error: { code: string } }>().error.code]).toEqual([
      3,
      "CHECKS_CANNOT_RUN",
    ]);
    const allowed = await mesaTemplate([...args, "--allow-skipped"], { env });
    expect(allowed.code, allowed.stderr).toBe(0);
  });
});
