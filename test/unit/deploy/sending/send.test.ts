import { expect, it } from "vitest";
import { refusal } from "../../../../src/blaxel/refusals";
import type { DeployContext } from "../../../../src/deploy/deploy-context";
import { sendPush } from "../../../../src/deploy/sending/send";
import { blaxelHost } from "../../blaxel-host";

const timedOut = {
  exitCode: 1,
  signal: null,
  timedOut: false,
  stdout: "Upload completed\n",
  stderr: "✗ Push failed\n\u001b[31mReason:\u001b[0m build timed out after 15m0s\u001b[0m\n",
};

const push = (getImage: () => Promise<undefined>): Promise<unknown> => {
  const host = { ...blaxelHost(""), run: () => Promise.resolve(timedOut) };
  const bl = { host, path: "/bin/bl", folder: "/tmp/none", credentials: undefined };
  const work = { host, bl, name: "mesa-x", deadline: 0, platform: { getImage } } as unknown as DeployContext;
  return sendPush(work, "/tmp/none", () => undefined);
};

it("a push that ran out of time, in whatever colour, says why, where Blaxel refused what bl asked meanwhile", async () => {
  await expect(push(() => Promise.resolve(undefined))).rejects.toMatchObject({ code: "DEPLOY_TIMEOUT" });
  await expect(push(() => Promise.reject(refusal("refused", "401 Unauthorized")))).rejects.toMatchObject({
    code: "BLAXEL_UNAUTHORIZED",
  });
});
