import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { examine } from "../../../src/doctor/doctor";
import type { Finding } from "../../../src/doctor/finding";
import { newRun } from "../../../src/release/run";
import { findRoot, paths } from "../../../src/support/files/paths";
import { fileHost } from "../manifest/host";

const folder = mkdtempSync(join(tmpdir(), "doctor-"));
mkdirSync(join(folder, "project/templates/debian"), { recursive: true });
writeFileSync(join(folder, "project/templates/debian/template.toml"), "");
mkdirSync(join(folder, "empty"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What doctor finds in a folder, where Blaxel answers with a status. */
async function findings(name: string, status: number): Promise<ReadonlyMap<string, Finding>> {
  const here = join(folder, name);
  const host = {
    ...fileHost("doctor"),
    env: {
      PATH: "",
      DOCKER_HOST: `unix://${folder}/no-engine.sock`,
      BL_API_KEY: "key-for-tests",
      BL_WORKSPACE: "ws",
      BL_API_URL: "http://127.0.0.1:1",
    },
    fetch: () => Promise.resolve(new Response("{}", { status })),
  };
  const place = {
    ...newRun(host, () => paths(here)),
    startFolder: here,
    get root() {
      return findRoot(here, undefined);
    },
  };
  return new Map((await examine(place)).map((finding) => [finding.name, finding]));
}

it("says whether this is a project", async () => {
  expect((await findings("project", 200)).get("project")).toMatchObject({
    ok: true,
    seen: `${join(folder, "project")} with the templates debian`,
  });
  expect((await findings("empty", 200)).get("project")).toMatchObject({
    ok: false,
    todo: expect.stringContaining("mesa-template init") as string,
  });
});

it("asks Blaxel whether it accepts the key", async () => {
  expect((await findings("project", 200)).get("Blaxel credentials")).toMatchObject({
    ok: true,
    seen: "accepted for the workspace ws (BL_API_KEY)",
  });
  for (const status of [401, 403, 502])
    expect((await findings("project", status)).get("Blaxel credentials")?.ok, String(status)).toBe(false);
});

it("says once that there is no engine, and what was tried", async () => {
  const found = await findings("project", 200);
  expect(found.get("engine")).toMatchObject({
    ok: false,
    seen: expect.stringMatching(
      /^No container engine answers\..*no-engine\.sock \(DOCKER_HOST\): .*ENOENT/u,
    ) as string,
  });
  expect([found.has("BuildKit"), found.has("/dev/fuse")]).toEqual([false, false]);
});
