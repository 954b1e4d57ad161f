import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { DeployContext } from "../../../../src/deploy/deploy-context";
import { sendUpload } from "../../../../src/deploy/sending/send-upload";
import { blaxelHost } from "../../blaxel-host";

const folder = mkdtempSync(join(tmpdir(), "send-upload-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("takes the tag of a deploy that it waited for as one that was there before", async () => {
  let asked = 0;
  const isBuilt = (): boolean => asked > 1;
  const platform = {
    getSandbox: () => {
      asked += 1;
      return Promise.resolve({ name: "mesa-x", status: isBuilt() ? "DEPLOYED" : "BUILDING", envs: {} });
    },
    getImage: () => Promise.resolve({ tags: isBuilt() ? [{ name: "theirs", createdAt: "" }] : [] }),
  };
  const run = ({ args }: { args: readonly string[] }): Promise<unknown> =>
    Promise.resolve({
      exitCode: 0,
      stderr: "",
      stdout: JSON.stringify(
        args.includes("--dryrun")
          ? { dryRun: true, files: [] }
          : { success: true, resources: [{ name: "mesa-x" }] },
      ),
    });
  const host = { ...blaxelHost(""), run };
  const { tagsBefore } = await sendUpload({
    host,
    bl: { host, path: "/bin/bl", folder, credentials: undefined },
    platform,
    name: "mesa-x",
    workspace: "w",
    publish: "deploy",
    rendered: { template: "x", inputsDigest: `sha256:${"0".repeat(64)}`, files: [] },
    knownSandboxes: [],
    adopt: true,
    pendingFile: join(folder, "pending"),
    deadline: Infinity,
    pollMs: 1,
    onProgress: () => undefined,
    onSent: () => undefined,
  } as unknown as DeployContext);
  expect(tagsBefore.map(({ name }) => name)).toEqual(["theirs"]);
});
