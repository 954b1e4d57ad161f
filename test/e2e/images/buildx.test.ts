import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran } from "../program";

const place = temporaryRoot();
const config = join(place.root, "docker-config");
const record = join(place.root, "argv.txt");

/** A plugin that takes buildx's command line, keeps it, and builds on the engine in its stead. */
const PLUGIN = `#!/bin/bash
if [ "$1" = docker-cli-plugin-metadata ]; then echo '{"SchemaVersion":"0.1.0","Vendor":"test","Version":"v0.0.0"}'; exit 0; fi
shift
printf '%s\\n' "$@" >> "$RECORD"
if [ "$1" = version ]; then echo fake; exit 0; fi
shift
args=()
while [ $# -gt 0 ]; do
  case $1 in
    --builder) [ "$2" = far-away ] || { echo "ERROR: no builder \\"$2\\" found" >&2; exit 1; }; shift 2 ;;
    --progress) shift 2 ;;
    --load | --provenance=*) shift ;;
    *) args+=("$1"); shift ;;
  esac
done
echo "#1 [deb 1/2] RUN something" >&2
DOCKER_BUILDKIT=0 exec docker build "\${args[@]}" >&2
`;

function build(builder: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const args = [
    "build",
    "0.20.0",
    "--template",
    "alpine",
    "--root",
    place.root,
    "--builder",
    builder,
    "--force",
  ];
  return mesaTemplate([...args, "--json"], { env: { DOCKER_CONFIG: config, RECORD: record, ...env } });
}

beforeAll(() => {
  mkdirSync(join(config, "cli-plugins"), { recursive: true });
});
afterAll(() => {
  place.remove();
});

describe("--builder", () => {
  it("says what to install where docker has no buildx", async () => {
    const ran = await build("far-away");
    expect(ran.code, ran.stdout).toBe(3);
    expect(ran.json()).toMatchObject({
      error: { code: "BUILDX_MISSING", hint: expect.stringContaining("docker-buildx") as string },
    });
  });

  describe("with buildx", () => {
    beforeAll(() => {
      const plugin = join(config, "cli-plugins/docker-buildx");
      writeFileSync(plugin, PLUGIN);
      chmodSync(plugin, 0o755);
    });

    it("builds there, takes the image back, and puts no secret into the command line", async () => {
      rmSync(record, { force: true });
      const ran = await build("far-away");
      expect(ran.code, ran.stderr + ran.stdout).toBe(0);
      const [result] = ran.json<{ results: { image: { builder: string; layers: unknown[] } }[] }>().results;
      expect(result?.image.builder).toBe("buildx");
      expect(result?.image.layers.length).toBeGreaterThan(1);
      expect(ran.stderr).toContain("[deb 1/2] RUN something");
      const argv = readFileSync(record, "utf8");
      expect(argv).toMatch(/^version\nbuild\n--builder\nfar-away\n--load\n/u);
      for (const name of ["BL_API_KEY", "MESA_API_KEY"]) {
        expect(process.env[name]).toMatch(/.{6}/u);
        expect(argv).not.toContain(process.env[name]);
      }
      const smoked = await mesaTemplate([
        "smoke",
        "0.20.0",
        "--template",
        "alpine",
        "--root",
        place.root,
        "--json",
      ]);
      expect(smoked.code, smoked.stdout).toBe(0);
    });

    it("names a builder that is not there, and the way to see which are", async () => {
      const ran = await build("nowhere");
      expect(ran.code).toBe(3);
      expect(ran.json()).toMatchObject({
        error: { code: "BUILDER_UNKNOWN", hint: expect.stringContaining("docker buildx ls") as string },
      });
    });
  });
});
