import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Image } from "../../../src/build/image";
import { mesaTemplate, temporaryRoot, type Ran } from "../program";
import { fault, faultsOff } from "../world";

const place = temporaryRoot();
afterEach(faultsOff);
afterAll(() => {
  place.remove();
});

function docker(...args: readonly string[]): string[] {
  return execFileSync("docker", [...args], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

/** A label of this file's own on all that its builds make, from each stage's first line on: others build at the same time. */
const OURS = `mesa-template.test=${randomUUID()}`;
const dockerfile = join(place.root, "templates/alpine/Dockerfile.hbs");
writeFileSync(dockerfile, readFileSync(dockerfile, "utf8").replaceAll(/^FROM .*$/gmu, `$&\nLABEL ${OURS}`));

/** What our builds left: images without a name, and containers. */
const left = (): readonly string[] => [
  ...docker("images", "-q", "--filter", "dangling=true", "--filter", `label=${OURS}`),
  ...docker("ps", "-aq", "--filter", `label=${OURS}`),
];

function build(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return mesaTemplate(["build", "0.20.0", "--template", "alpine", "--root", place.root, "--json", ...args], {
    env,
  });
}

interface Built {
  readonly results: readonly { readonly outcome: string; readonly image: Image }[];
}

function imageOf(ran: Ran): { readonly outcome: string; readonly image: Image } {
  expect(ran.code, ran.stderr).toBe(0);
  const [result] = ran.json<Built>().results;
  if (result === undefined) throw new Error("nothing was built");
  return result;
}

describe("mesa-template build", () => {
  it("builds once: the second time the image is found by its inputs", async () => {
    const first = imageOf(await build());
    const second = imageOf(await build());
    expect(second.outcome).toBe("reused");
    expect(second.image.id).toBe(first.image.id);
    expect(first.image.reference).toMatch(/^mesa-template\/alpine:0\.20\.0-[0-9a-f]{12}$/u);
    expect(first.image.layers.some((layer) => layer.fromBase === true)).toBe(true);
    expect(first.image.layers.filter((layer) => layer.fromBase !== true).length).toBeGreaterThan(1);
    const [labels = ""] = docker(
      "image",
      "inspect",
      "--format",
      "{{json .Config.Labels}}",
      first.image.reference,
    );
    expect(JSON.parse(labels)).toMatchObject({ "mesa-template.inputs": first.image.inputsDigest });
    expect(readFileSync(join(place.root, ".mesa-template/logs/alpine/0.20.0-build.log"), "utf8")).toContain(
      "apk add",
    );
  });

  it.each(["buildkit", "classic"])(
    "builds anew with %s, and leaves no image without a name and no container",
    async (builder) => {
      const { image } = imageOf(await build(["--force"], { MESA_TEMPLATE_BUILDER: builder }));
      expect(image.builder).toBe(builder);
      expect(left()).toEqual([]);
    },
  );

  it.each(["buildkit", "classic"])(
    "names the step that fails with %s, keeps its log, and leaves nothing",
    async (builder) => {
      const template = readFileSync(dockerfile, "utf8");
      writeFileSync(
        dockerfile,
        template.replace("WORKDIR /blaxel", `RUN echo the ${builder} words && exit 7\nWORKDIR /blaxel`),
      );
      const ran = await build([], { MESA_TEMPLATE_BUILDER: builder });
      writeFileSync(dockerfile, template);
      expect(ran.code).toBe(5);
      const { error } = ran.json<{ error: { code: string; message: string; log: string[]; hint: string } }>();
      expect(error.code).toBe("BUILD_FAILED");
      expect(error.message).toContain(`RUN echo the ${builder} words`);
      expect(error.log).toContain(`the ${builder} words`);
      expect(error.hint).toContain("log");
      expect(left()).toEqual([]);
    },
  );

  it("says which base image could not be fetched", async () => {
    imageOf(await build());
    await fault("registry-down");
    const lock = join(place.root, "dockerfiles/alpine/0.20.0/lock.json");
    expect(existsSync(lock)).toBe(true);
    // The images are on the engine, so a registry that is down does no harm.
    expect(imageOf(await build(["--force"])).outcome).toBe("done");
  });

  it("leaves nothing when it is interrupted", async () => {
    let stopped = false;
    const ran = await mesaTemplate(
      ["build", "0.20.0", "--template", "alpine", "--root", place.root, "--force"],
      {
        onStderr: (text, pid) => {
          if (stopped || !text.includes("RUN apk add")) return;
          stopped = true;
          process.kill(pid, "SIGINT");
        },
      },
    );
    expect([stopped, ran.code]).toEqual([true, 130]);
    expect(left()).toEqual([]);
  });
});
