import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { DEFAULT_PORTS, WORLD_LABEL, type WorldConfig, type WorldPorts } from "./config";
import { connectEngine, findGateway } from "./engine";
import { environmentOf, isAlive, remembered, stateFileOf, type Remembered } from "./running";

const START_LIMIT_MS = 480_000;
const source = import.meta.dirname;
const dir = resolve(process.env["MESA_TEMPLATE_WORLD_DIR"] ?? join(source, "../../.world"));
const stateFile = stateFileOf(dir);

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${String(port)}/faults`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

function swapsFromEnvironment(): WorldConfig["swaps"] {
  const { WORLD_SANDBOX_API, WORLD_BL, WORLD_DEBIAN, WORLD_ALPINE } = process.env;
  const file = (path: string | undefined): string | undefined =>
    path === undefined || path === "" ? undefined : resolve(path);
  const swaps = {
    sandboxApi: file(WORLD_SANDBOX_API),
    bl: file(WORLD_BL),
    debian: WORLD_DEBIAN,
    alpine: WORLD_ALPINE,
  };
  return Object.fromEntries(Object.entries(swaps).filter(([, value]) => value !== undefined && value !== ""));
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.on("error", () => {
      done(false);
    });
    server.listen(port, host, () => {
      server.close(() => {
        done(true);
      });
    });
  });
}

/** The default ports, or the next block of ten in which all are free. */
async function choosePorts(gateway: string): Promise<WorldPorts> {
  for (let shift = 0; shift < 500; shift += 10) {
    const ports = Object.fromEntries(
      Object.entries(DEFAULT_PORTS as unknown as Record<string, number>).map(([name, port]) => [
        name,
        port + shift,
      ]),
    ) as unknown as WorldPorts;
    const free = await Promise.all(
      Object.values(ports as unknown as Record<string, number>).flatMap((port) => [
        isFree(port, "127.0.0.1"),
        isFree(port, gateway),
      ]),
    );
    if (free.every(Boolean)) return ports;
  }
  throw new Error("No free block of ports was found for the world.");
}

async function start(): Promise<number> {
  const swaps = swapsFromEnvironment();
  const before = remembered(dir);
  if (before !== undefined && isAlive(before.pid)) {
    const same = JSON.stringify(before.config.swaps) === JSON.stringify(swaps);
    if (same) return (await waitUntilReady(before.pid)) ? 0 : 1;
    process.stderr.write("world: other real parts are asked for, starting anew\n");
    await down();
  }
  mkdirSync(dir, { recursive: true });
  const gateway = await findGateway(connectEngine());
  // The ports of before are kept where they are free, so that what was locked then still fits.
  const kept = before?.config.ports;
  const stillFree =
    kept !== undefined &&
    Object.keys(DEFAULT_PORTS).every((name) => name in kept) &&
    (
      await Promise.all(
        Object.values(kept as unknown as Record<string, number>).map((port) => isFree(port, "127.0.0.1")),
      )
    ).every(Boolean);
  const ports = stillFree ? kept : await choosePorts(gateway);
  await removeContainers();
  const config: WorldConfig = { dir, source, gateway, ports, swaps };
  if (await startProcess(config)) return 0;
  process.stderr.write(
    "world: it is started once more, in case it was the network, or somebody took its ports\n",
  );
  await down();
  return (await startProcess({ ...config, ports: await choosePorts(gateway) })) ? 0 : 1;
}

/** Starts the world's own process and waits until it answers. @returns whether it does */
async function startProcess(config: WorldConfig): Promise<boolean> {
  const log = openSync(join(dir, "world.log"), "a");
  const child = spawn(process.execPath, ["--import", "tsx", join(source, "main.ts"), "run-world"], {
    cwd: join(source, "../.."),
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, MESA_TEMPLATE_WORLD_DIR: dir, WORLD_CONFIG: JSON.stringify(config) },
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error("The world's process could not be started.");
  writeFileSync(stateFile, JSON.stringify({ pid: child.pid, config, ready: false } satisfies Remembered));
  return waitUntilReady(child.pid);
}

async function waitUntilReady(pid: number): Promise<boolean> {
  const logFile = join(dir, "world.log");
  let shown = existsSync(logFile) ? readFileSync(logFile, "utf8").length : 0;
  const until = Date.now() + START_LIMIT_MS;
  while (Date.now() < until) {
    const state = remembered(dir);
    if (state?.ready === true && (await answers(state.config.ports.control))) {
      process.stderr.write(
        `world: up at http://127.0.0.1:${String(state.config.ports.control)} (log: ${logFile})\n`,
      );
      return true;
    }
    if (!isAlive(pid)) {
      process.stderr.write(`world: ended while starting:\n${readFileSync(logFile, "utf8").slice(-3000)}\n`);
      return false;
    }
    const text = readFileSync(logFile, "utf8");
    process.stderr.write(text.slice(shown));
    shown = text.length;
    await new Promise((done) => setTimeout(done, 100));
  }
  process.stderr.write(`world: not up within ${String(START_LIMIT_MS / 60_000)} minutes; see ${logFile}\n`);
  return false;
}

async function removeContainers(): Promise<void> {
  const docker = connectEngine();
  const found = await docker.listContainers({ all: true, filters: { label: [`${WORLD_LABEL}=${dir}`] } });
  await Promise.all(found.map((container) => docker.getContainer(container.Id).remove({ force: true })));
}

async function down(): Promise<number> {
  const state = remembered(dir);
  if (state !== undefined && isAlive(state.pid)) {
    process.kill(state.pid, "SIGTERM");
    for (let left = 100; left > 0 && isAlive(state.pid); left -= 1)
      await new Promise((done) => setTimeout(done, 100));
    if (isAlive(state.pid)) process.kill(state.pid, "SIGKILL");
  }
  await removeContainers();
  if (state !== undefined) writeFileSync(stateFile, JSON.stringify({ ...state, pid: 0, ready: false }));
  return 0;
}

function printEnvironment(): number {
  const values = environmentOf(dir);
  if (values === undefined) {
    process.stderr.write("world: not running; start it with make world\n");
    return 1;
  }
  process.stdout.write(`export PATH="${join(dir, "bin")}:$PATH"\n`);
  for (const [name, value] of Object.entries(values))
    process.stdout.write(`export ${name}=${JSON.stringify(value)}\n`);
  return 0;
}

/** The world's own process: runs until it is told to end. */
async function runHere(): Promise<void> {
  const { runWorld } = await import("./run");
  const config = JSON.parse(process.env["WORLD_CONFIG"] ?? "") as WorldConfig;
  const begun = Date.now();
  const world = await runWorld(config, (line) => {
    process.stdout.write(`world: ${line}\n`);
  });
  const end = (): void => {
    void world.close().finally(() => {
      process.exit(0);
    });
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  process.on("unhandledRejection", (error) => {
    process.stdout.write(`world: unhandled: ${String(error)}\n`);
  });
  process.stdout.write(`world: ready after ${((Date.now() - begun) / 1000).toFixed(1)} s\n`);
  writeFileSync(stateFile, JSON.stringify({ pid: process.pid, config, ready: true } satisfies Remembered));
}

const command = process.argv[2];
if (command === "run-world") await runHere();
else if (command === "start") process.exitCode = await start();
else if (command === "down") process.exitCode = await down();
else if (command === "env") process.exitCode = printEnvironment();
else {
  process.stderr.write("usage: main.ts start | env | down\n");
  process.exitCode = 2;
}
