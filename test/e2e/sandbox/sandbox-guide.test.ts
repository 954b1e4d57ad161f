import { initialize, SandboxInstance } from "@blaxel/core";
import { Mesa } from "@mesadev/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryUrl } from "../stand-ins/mesa-container";

const VERSION = "0.20.0";
const NAME = "by-the-guide";
let mesa: Mesa;

beforeAll(() => {
  const { BL_WORKSPACE = "", BL_API_KEY = "", MESA_API_URL = "", MESA_API_KEY = "" } = process.env;
  initialize({ workspace: BL_WORKSPACE, apiKey: BL_API_KEY, disableH2: true });
  mesa = new Mesa({ apiKey: MESA_API_KEY, apiUrl: `${MESA_API_URL}/v1`, org: "acme" });
});
afterAll(async () => {
  await SandboxInstance.delete(NAME).catch(() => undefined);
});

describe("the guide's own steps, command for command", () => {
  it("outside, the SDK makes repository and key; inside, mesa is installed and mounted; the agent runs in the path", async () => {
    await mesa.repos.create({ name: "agent" });
    const { key } = await mesa.apiKeys.create({
      name: "agent",
      scopes: ["read", "write"],
      expires_in_seconds: 3600,
    });
    const sandbox = await SandboxInstance.create({
      name: NAME,
      image: "blaxel/base-image:latest",
      memory: 4096,
      region: "us-pdx-1",
    });
    const exec = async (command: string, workingDir?: string): Promise<string> => {
      const where = workingDir === undefined ? {} : { workingDir };
      const ended = await sandbox.process.exec({ command, waitForCompletion: true, ...where });
      expect(ended.exitCode, `${command}: ${ended.logs}`).toBe(0);
      return ended.logs;
    };
    await exec("apk add --no-cache curl ca-certificates gcompat fuse3 dpkg");
    const deb = `${repositoryUrl()}/pool/any/main/m/mesa/mesa_${VERSION}_amd64.deb`;
    await exec(`curl -fsSL -o /tmp/mesa.deb ${deb}`);
    await exec("dpkg-deb -x /tmp/mesa.deb / && rm /tmp/mesa.deb");
    expect(await exec("mesa --version")).toContain(VERSION);
    await exec(`MESA_ORGS=acme:${key} mesa mount -d -y`);
    const home = (await exec("echo $HOME")).trim();
    const path = `${home}/.local/share/mesa/mnt/acme/agent`;
    // That the command came back does not say that the mount is there.
    await exec(`until timeout 5 test -d ${path}; do sleep 0.2; done`);
    await exec("echo 'written by an agent' > notes.txt", path);
    const found = await mesa.content.get({ repo: "agent", path: "notes.txt" });
    expect(found).toMatchObject({ type: "file", name: "notes.txt" });
    const content = "content" in found ? Buffer.from(found.content, "base64").toString("utf8") : "";
    expect(content).toBe("written by an agent\n");
  });
});
