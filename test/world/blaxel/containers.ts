import { existsSync } from "node:fs";
import type Docker from "dockerode";
import { WORLD_LABEL } from "../config";
import { tarOf } from "../engine";
import type { WorldTools } from "../part";
import type { Sandbox } from "./state";

/** Really starts a sandbox's container, with what the platform gives a sandbox. */
export async function startContainer(
  tools: WorldTools,
  workspace: string,
  sandbox: Sandbox,
  image: string,
  crashes: boolean,
): Promise<void> {
  const { docker, config } = tools;
  const envs = (Array.isArray(sandbox.runtime["envs"]) ? sandbox.runtime["envs"] : []) as {
    name: string;
    value: string;
  }[];
  const info = (await docker.info()) as { SecurityOptions?: string[] };
  const apparmor = (info.SecurityOptions ?? []).some((option) => option.includes("apparmor"));
  const hasFuse = existsSync("/dev/fuse") && tools.faults.take("sandbox-no-fuse") === undefined;
  const notRoot = tools.faults.take("sandbox-not-root") !== undefined;
  const declared = (Array.isArray(sandbox.runtime["ports"]) ? sandbox.runtime["ports"] : []) as {
    target: number;
  }[];
  const published = ["8080/tcp", ...declared.map(({ target }) => `${String(target)}/tcp`)];
  const container = await docker.createContainer({
    Image: image,
    ...(notRoot ? { User: "1000:1000" } : {}),
    Hostname: sandbox.name.slice(0, 60),
    Env: [
      ...envs.map((env) => `${env.name}=${env.value}`),
      "HOST=::",
      "TELEMETRY_ENABLED=false",
      "DO_NOT_TRACK=1",
      "BL_CLOUD=true",
      `BL_NAME=${sandbox.name}`,
      `BL_WORKSPACE=${workspace}`,
    ],
    Labels: { [WORLD_LABEL]: config.dir, "mesa-template.world.sandbox": sandbox.name },
    ExposedPorts: Object.fromEntries(published.map((port) => [port, {}])),
    ...(crashes ? { Entrypoint: ["sh", "-c", "echo crash; exit 1"] } : {}),
    HostConfig: {
      Init: true,
      PortBindings: Object.fromEntries(
        published.map((port) => [port, [{ HostIp: "127.0.0.1", HostPort: "" }]]),
      ),
      CapAdd: ["SYS_ADMIN"],
      Devices: hasFuse
        ? [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }]
        : [],
      SecurityOpt: apparmor ? ["apparmor=unconfined"] : [],
      ...(crashes ? { RestartPolicy: { Name: "always" } } : {}),
    },
  });
  sandbox.containerId = container.id;
  if (notRoot)
    await container.putArchive(
      tarOf({ "etc/fuse.conf": { data: "", mode: 0o644 } }) as unknown as NodeJS.ReadableStream,
      { path: "/" },
    );
  await container.start();
  if (notRoot) {
    const open = await container.exec({ Cmd: ["chmod", "666", "/dev/fuse"], User: "root" });
    await open.start({});
  }
  await findPorts(container, sandbox);
}

/** Where the container's ports lead to on this machine: others after each start. */
export async function findPorts(container: Docker.Container, sandbox: Sandbox): Promise<void> {
  const ports = (await container.inspect()).NetworkSettings.Ports as Record<
    string,
    { HostPort: string }[] | null
  >;
  const publishedAt = (port: string): number => Number(ports[port]?.[0]?.HostPort ?? 0);
  sandbox.port = publishedAt("8080/tcp");
  sandbox.routed = new Map(
    Object.keys(ports)
      .filter((port) => port !== "8080/tcp")
      .map((port) => [Number(port.replace("/tcp", "")), publishedAt(port)]),
  );
}

/** Waits until the sandbox's API answers, or the time is up. */
export async function waitForApi(sandbox: Sandbox, ms: number): Promise<boolean> {
  const until = Date.now() + ms;
  while (Date.now() < until) {
    try {
      if (
        (
          await fetch(`http://127.0.0.1:${String(sandbox.port)}/health`, {
            signal: AbortSignal.timeout(1000),
          })
        ).ok
      )
        return true;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

export async function removeContainer(tools: WorldTools, sandbox: Sandbox): Promise<void> {
  const id = sandbox.containerId;
  sandbox.containerId = undefined;
  sandbox.port = undefined;
  sandbox.routed = new Map();
  // A frozen one cannot be killed.
  await sandbox.asleep?.wake().catch(() => undefined);
  sandbox.asleep = undefined;
  if (id === undefined) return;
  await tools.docker
    .getContainer(id)
    .remove({ force: true })
    .catch((error: unknown) => {
      if ((error as { statusCode?: number }).statusCode !== 404) throw error;
    });
}
