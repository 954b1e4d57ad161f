import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot } from "../program";
import { resetWorld } from "../world";

/** What teams' own Dockerfiles look like, as a template each. */
interface Shape {
  readonly from: "debian" | "alpine";
  /** Stages before the last one's. */
  readonly before?: string;
  /** Steps at the marked place. */
  readonly steps: string;
  /** Further tables of template.toml. */
  readonly settings?: string;
  readonly files?: Readonly<Record<string, readonly [contents: string | Buffer, mode?: number]>>;
  /** Said in a container of the image. */
  readonly says: readonly [script: string, output: string];
}

const BYTES = Buffer.from([0, 1, 254, 255]);

const SHAPES: Readonly<Record<string, Shape>> = {
  "with-files": {
    from: "debian",
    before: "FROM ${MIRROR}{{images.tools.reference}} AS tools\nRUN mkdir /t && cp /etc/alpine-release /t/\n",
    settings: '[images.tools]\nimage = "alpine:3.20"\n',
    steps:
      'COPY --from=tools /t/ /opt/tools/\nCOPY agent/ /opt/agent/\nCOPY ["data with space.bin", "/opt/"]\nENV PATH=/opt/agent/bin:$PATH',
    files: {
      "agent/bin/agent": ["#!/bin/sh\ncat /opt/agent/lib/words/hello\n", 0o755],
      "agent/lib/words/hello": ["hello from a sub-folder\n"],
      "agent/node_modules/left/pad.js": ["kept\n"],
      "data with space.bin": [BYTES],
    },
    says: [
      "agent; cat /opt/agent/node_modules/left/pad.js; stat -c %a /opt/agent/bin/agent; wc -c < '/opt/data with space.bin'; test -s /opt/tools/alpine-release && echo tools",
      "hello from a sub-folder\nkept\n755\n4\ntools\n",
    ],
  },
  "bash-swapped": {
    from: "debian",
    steps: "RUN ln -sf bash /bin/sh && rm -r /usr/share/doc /usr/bin/perl",
    says: ["readlink /bin/sh; ls -d /usr/share/doc /usr/bin/perl 2>/dev/null; true", "bash\n"],
  },
  "with-shell": {
    from: "alpine",
    steps: 'SHELL ["/bin/ash", "-eo", "pipefail", "-c"]\nRUN echo "made by ash" | tee /etc/made > /dev/null',
    says: ["cat /etc/made", "made by ash\n"],
  },
  "user-between": {
    from: "debian",
    steps: "RUN useradd --create-home worker\nUSER worker\nRUN echo mine > /home/worker/made\nUSER root",
    says: ["stat -c '%U %n' /home/worker/made; id -u", "worker /home/worker/made\n0\n"],
  },
};

const place = temporaryRoot();

function write(name: string, { from, before = "", steps, settings = "", files = {} }: Shape): void {
  const folder = join(place.root, "templates", name);
  cpSync(join(place.root, "templates", from), folder, { recursive: true });
  const text = readFileSync(join(folder, "Dockerfile.hbs"), "utf8");
  const withSteps = text.replace(/\{\{! Your own steps[^\n]*\n/u, () => `${steps}\n\n`);
  expect(withSteps).not.toBe(text);
  const own = withSteps.replace("FROM ${MIRROR}{{base.reference}}", (line) => `${before}${line}`);
  writeFileSync(join(folder, "Dockerfile.hbs"), own);
  writeFileSync(
    join(folder, "template.toml"),
    `${readFileSync(join(folder, "template.toml"), "utf8")}\n${settings}`,
  );
  for (const [path, [contents, mode = 0o644]] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, "files", path)), { recursive: true });
    writeFileSync(join(folder, "files", path), contents, { mode });
  }
}

interface Released {
  readonly results: readonly { readonly template: string; readonly status: string }[];
}

beforeAll(async () => {
  await resetWorld();
  for (const [name, shape] of Object.entries(SHAPES)) write(name, shape);
});
afterAll(() => {
  place.remove();
});

describe("a template of a team's own", () => {
  it("is released whatever its shape: built, proven, deployed, proven again", async () => {
    const which = ["--template", Object.keys(SHAPES).join(","), "--root", place.root];
    const ran = await mesaTemplate(["release", "0.20.0", ...which, "--json"], { timeoutMs: 900_000 });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.json<Released>().results.map(({ template, status }) => [template, status])).toEqual(
      Object.keys(SHAPES).map((name) => [name, "verified"]),
    );
  }, 900_000);

  it.each(Object.entries(SHAPES))("%s is what its Dockerfile says", (name, { says: [script, output] }) => {
    const filter = `label=mesa-template.version=${name}@0.20.0`;
    const [image = ""] = execFileSync("docker", ["images", "-q", "--filter", filter], {
      encoding: "utf8",
    }).split("\n");
    const run = ["run", "--rm", "--entrypoint", "sh", image, "-c", script];
    expect(execFileSync("docker", run, { encoding: "utf8" })).toBe(output);
  });

  it("renders the same once more, from a copy too", async () => {
    const which = ["--template", Object.keys(SHAPES).join(","), "--root", place.root];
    expect((await mesaTemplate(["render", "0.20.0", "--check", ...which])).code).toBe(0);
  });
});
