import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startApt } from "./apt/index";
import { installBl } from "./bl/install";
import { startBlaxel } from "./blaxel/index";
import type { WorldConfig } from "./config";
import { startControl } from "./control/index";
import { connectEngine } from "./engine";
import { createFaultBoard } from "./faults";
import { ensureAlpineImage, ensureStockImage } from "./images/alpine";
import { ensureDebianImage } from "./images/debian";
import { ensureSandboxImage } from "./images/sandbox";
import { ensureToolchain } from "./images/toolchain";
import { startMesaApi } from "./mesa/index";
import type { WorldTools } from "./part";
import { startRegistry } from "./registry/index";
import { REGISTRY_LOGIN } from "./registry/tokens";
import { createRequestLog } from "./request-log";
import { buildSandboxApi } from "./sandbox-api/build";

/** The upstream.toml that points the product at the world. */
function upstreamToml(config: WorldConfig, key: string, fingerprint: string): string {
  return `# Written by the stand-in world.
[sandbox-api]
image = "ghcr.io/blaxel-ai/sandbox:0.2.50"

[mesa]
vouched = "signed"
repository = "https://packages.buildkite.com/mesa-dot-dev/debian-public/any"
suite = "any"
component = "main"
package = "mesa"
key = "${key}"
fingerprint = "${fingerprint}"

[mirrors]
images = "127.0.0.1:${String(config.ports.registry)}/"
packages = "http://${config.gateway}:${String(config.ports.apt)}"
downloads = "http://${config.gateway}:${String(config.ports.apt)}/get"
`;
}

/** The login for both fronts of the registry, as `docker login` keeps it (REGISTRY_AUTH_FILE takes such a file). */
function registryLogins({ ports }: WorldConfig): string {
  const { username, password } = REGISTRY_LOGIN;
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  const hosts = [ports.registry, ports.registryBasic].map((port) => `127.0.0.1:${String(port)}`);
  return JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth }])) });
}

export interface RunningWorld {
  close(): Promise<void>;
}

/** Starts every part of the world in this process. */
export async function runWorld(config: WorldConfig, log: (line: string) => void): Promise<RunningWorld> {
  const docker = connectEngine();
  const tools: WorldTools = {
    config,
    docker,
    faults: createFaultBoard(),
    requests: createRequestLog(),
    connections: { cuts: 0, hang: false },
    log,
  };
  const debian = await ensureDebianImage(docker, config, log);
  const toolchain = await ensureToolchain(docker, debian, log);
  const [alpine, api] = await Promise.all([
    ensureAlpineImage(docker, config, toolchain, log),
    buildSandboxApi(docker, toolchain, config, log),
  ]);
  const sandbox = await ensureSandboxImage(docker, api, "0.2.50");
  const [stock, stockDebian] = await Promise.all([
    ensureStockImage(docker, alpine, sandbox),
    ensureStockImage(docker, debian, sandbox),
  ]);
  await installBl(config);
  const [registry, apt, mesa, blaxel] = await Promise.all([
    startRegistry(tools, toolchain, [
      { image: debian, name: "docker.io/library/debian", tags: ["bookworm-slim"] },
      { image: alpine, name: "docker.io/library/alpine", tags: ["3.20", "3.21"] },
      { image: sandbox, name: "ghcr.io/blaxel-ai/sandbox", tags: ["0.2.50", "latest"] },
    ]),
    startApt(tools, toolchain),
    startMesaApi(tools),
    startBlaxel(tools, { "base-image": stock, "ts-app": stockDebian }),
  ]);
  await writeFile(join(config.dir, "upstream.toml"), upstreamToml(config, apt.keyPath, apt.fingerprint));
  await writeFile(join(config.dir, "registry-login.json"), registryLogins(config), { mode: 0o600 });
  const parts = [registry, apt, mesa, blaxel];
  const closeControl = await startControl(config.ports.control, {
    faults: tools.faults,
    requests: tools.requests,
    state: () => ({ ...(blaxel.state() as object), ...(mesa.state() as object) }),
    reset: async () => {
      await Promise.all([registry.reset(), mesa.reset(), blaxel.reset(), apt.reset()]);
    },
    wish: async ({ moveTag, newer, addVersion, removeVersion }) => {
      if (typeof addVersion === "string") return apt.addVersion(addVersion);
      if (typeof removeVersion === "string") return apt.removeVersion(removeVersion);
      if (typeof newer === "object" && newer !== null) {
        const { name, tag, from, labels } = newer as {
          name: string;
          tag: string;
          from?: string;
          labels?: Record<string, string>;
        };
        await registry.publishNewer(name, tag, from, labels);
        return {};
      }
      if (typeof moveTag !== "object" || moveTag === null)
        throw new Error(
          "known wishes: moveTag {image,name,tag}, newer {name,tag,from?,labels?}, addVersion, removeVersion",
        );
      const { image, name, tag } = moveTag as { image: string; name: string; tag: string };
      const local = { debian, alpine, sandbox, stock }[image] ?? image;
      await registry.moveTag(local, name, tag);
      return {};
    },
  });
  return {
    async close() {
      await closeControl();
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}
