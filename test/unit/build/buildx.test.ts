import { describe, expect, it } from "vitest";
import { buildWithBuildx, buildxArguments, buildxProgress } from "../../../src/build/buildx";
import type { ProcessRequest, ProcessResult } from "../../../src/support/processes/run-process";
import type { Host } from "../../../src/support/host";

const RENDERED = {
  template: "debian",
  files: [{ name: "Dockerfile", mode: 0o644, contents: Buffer.from("FROM scratch\n") }],
};
const REQUEST = {
  tag: "mesa-template/debian:0.20.0-0123456789ab",
  labels: { "mesa-template.run": "r" },
  buildArgs: { MIRROR: "" },
  noCache: false,
};

/** A build on the builder "far-away". */
const building = (host: Host): ReturnType<typeof buildWithBuildx> =>
  buildWithBuildx(host, RENDERED, "far-away", REQUEST);

const FAILED = `#0 building with "far-away" instance using docker-container driver

#1 [internal] load build definition from Dockerfile
#1 DONE 0.1s

#5 [deb 2/3] RUN apt-get update && false
#5 0.512 Hit:1 somewhere
#6 [system 1/4] COPY entrypoint.sh /
#5 0.733 sha256sum: WARNING: 1 computed checksum did NOT match
#6 CACHED
#5 ERROR: process "/bin/sh -c apt-get update && false" did not complete successfully: exit code: 1
------
 > [deb 2/3] RUN apt-get update && false:
------
ERROR: failed to solve: process "/bin/sh -c apt-get update && false" did not complete successfully: exit code: 1
`;

function hostThat(
  answer: (request: ProcessRequest) => Partial<ProcessResult>,
  env: Readonly<Record<string, string>> = {},
): { readonly host: Host; readonly requests: readonly ProcessRequest[] } {
  const requests: ProcessRequest[] = [];
  const run = (request: ProcessRequest): Promise<ProcessResult> => {
    requests.push(request);
    const result = {
      exitCode: 0,
      signal: null,
      stdout: "",
      stderr: "",
      timedOut: false,
      durationMs: 1,
      ...answer(request),
    };
    for (const line of result.stderr.split("\n")) request.onLine?.(line, "stderr");
    return Promise.resolve(result);
  };
  return { host: { env, run, signal: new AbortController().signal } as unknown as Host, requests };
}

describe("buildx's plain progress", () => {
  it("tells the steps as they begin, and of a failure its step, words and output", () => {
    const steps: string[] = [];
    const progress = buildxProgress((step) => steps.push(step));
    for (const line of FAILED.split("\n")) progress.take(line);
    expect(steps).toEqual([
      "[internal] load build definition from Dockerfile",
      "[deb 2/3] RUN apt-get update && false",
      "[system 1/4] COPY entrypoint.sh /",
    ]);
    const { step, message, lines } = progress.failure();
    expect(step).toBe("[deb 2/3] RUN apt-get update && false");
    expect(message).toContain("exit code: 1");
    expect(lines).toEqual(["Hit:1 somewhere", "sha256sum: WARNING: 1 computed checksum did NOT match"]);
  });

  it("gives everything that was said where no step is named", () => {
    const progress = buildxProgress(() => undefined);
    progress.take('ERROR: no builder "x" found');
    const said = 'no builder "x" found';
    expect(progress.failure()).toEqual({ step: undefined, message: said, lines: [`ERROR: ${said}`] });
  });
});

describe("a build on a buildx builder", () => {
  it("loads the image into the engine, from the folder, with every label and argument", () => {
    const words = buildxArguments("far-away", { ...REQUEST, noCache: true }, "/context");
    expect(words.slice(0, 5)).toEqual(["buildx", "build", "--builder", "far-away", "--load"]);
    expect(words.join(" ")).toContain("--tag mesa-template/debian:0.20.0-0123456789ab");
    expect(words.join(" ")).toContain("--label mesa-template.run=r --build-arg MIRROR= --no-cache");
    expect(words.at(-1)).toBe("/context");
  });

  it("is an environment's fault where there is no buildx, and says what to install", async () => {
    const { host } = hostThat(() => ({ exitCode: 1, stderr: "docker: unknown command: docker buildx" }));
    await expect(building(host)).rejects.toMatchObject({
      code: "BUILDX_MISSING",
      kind: "environment",
      hint: expect.stringContaining("docker-buildx-plugin") as string,
    });
    const { host: without } = hostThat(() => ({ exitCode: null, spawnError: "spawn docker ENOENT" }));
    await expect(building(without)).rejects.toThrow("no docker on PATH");
  });

  it("is an environment's fault where there is no such builder", async () => {
    const { host } = hostThat(({ args }) =>
      args[1] === "build" ? { exitCode: 1, stderr: 'ERROR: no builder "far-away" found' } : {},
    );
    await expect(building(host)).rejects.toMatchObject({ code: "BUILDER_UNKNOWN" });
  });

  it("answers with the step that failed", async () => {
    const { host } = hostThat(({ args }) => (args[1] === "build" ? { exitCode: 1, stderr: FAILED } : {}));
    expect(await building(host)).toMatchObject({
      ok: false,
      step: "[deb 2/3] RUN apt-get update && false",
    });
  });

  it("hands docker what its builders need, and none of our own credentials", async () => {
    const env = { PATH: "/bin", KUBECONFIG: "/k", DEPOT_TOKEN: "d", BL_API_KEY: "b", MESA_API_KEY: "m" };
    const { host, requests } = hostThat(() => ({}), env);
    expect(await building(host)).toEqual({ ok: true, made: [] });
    expect(requests).toHaveLength(2);
    for (const request of requests)
      expect(request.env).toEqual({ PATH: "/bin", KUBECONFIG: "/k", DEPOT_TOKEN: "d" });
  });
});
