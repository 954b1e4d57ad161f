import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import Docker from "dockerode";
import { pack, type Pack } from "tar-stream";
import { WORLD_LABEL } from "./config";

/** The engine as the docker CLI finds it: DOCKER_HOST, the current context, the default socket. */
export function connectEngine(env: NodeJS.ProcessEnv = process.env): Docker {
  const headers = { Connection: "close" };
  const host = set(env, "DOCKER_HOST") ?? contextHost(env);
  if (host?.startsWith("unix://") === true)
    return new Docker({ socketPath: host.slice("unix://".length), headers });
  if (host !== undefined) {
    const url = new URL(host);
    return new Docker({ host: url.hostname, port: Number(url.port || 2375), protocol: "http", headers });
  }
  return new Docker({ socketPath: "/var/run/docker.sock", headers });
}

/** A variable that is set but empty is unset, as docker has it. */
function set(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name] === "" ? undefined : env[name];
}

function contextHost(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const folder = set(env, "DOCKER_CONFIG") ?? join(homedir(), ".docker");
    const { currentContext } = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as {
      currentContext?: string;
    };
    const name = set(env, "DOCKER_CONTEXT") ?? currentContext;
    if (name === undefined || name === "default") return undefined;
    const id = createHash("sha256").update(name).digest("hex");
    const meta = JSON.parse(readFileSync(join(folder, "contexts/meta", id, "meta.json"), "utf8")) as {
      Endpoints?: { docker?: { Host?: string } };
    };
    return meta.Endpoints?.docker?.Host;
  } catch {
    return undefined;
  }
}

/** The bridge network's gateway: how containers reach this host. */
export async function findGateway(docker: Docker): Promise<string> {
  const bridge = (await docker.getNetwork("bridge").inspect()) as {
    IPAM?: { Config?: { Gateway?: string }[] };
  };
  return bridge.IPAM?.Config?.find((config) => config.Gateway !== undefined)?.Gateway ?? "172.17.0.1";
}

interface StreamMessage {
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
  readonly stream?: string;
  readonly aux?: { readonly ID?: string };
  readonly status?: string;
}

/** Reads an engine's stream of JSON lines to its end; an error in it is thrown with the last lines. */
export async function readStream(
  stream: NodeJS.ReadableStream,
  onMessage: (message: StreamMessage) => void = () => undefined,
): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let partial = "";
  const tail: string[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (partial + decoder.write(chunk)).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() === "") continue;
      const message = JSON.parse(line) as StreamMessage;
      if (message.stream !== undefined) tail.push(message.stream.trimEnd());
      if (tail.length > 30) tail.shift();
      const error = message.errorDetail?.message ?? message.error;
      if (error !== undefined) throw new Error(`${error}\n${tail.join("\n")}`);
      onMessage(message);
    }
  }
}

export type ContextFiles = Readonly<
  Record<string, string | Buffer | { readonly data: string | Buffer; readonly mode: number }>
>;

/** A tar of files with fixed times and owners. */
export function tarOf(files: ContextFiles): Pack {
  const tar = pack();
  for (const [name, file] of Object.entries(files)) {
    const { data, mode } =
      typeof file === "string" || Buffer.isBuffer(file) ? { data: file, mode: 0o644 } : file;
    tar.entry({ name, mode, mtime: new Date(0), uid: 0, gid: 0 }, data);
  }
  tar.finalize();
  return tar;
}

export interface BuildOptions {
  readonly tag: string;
  /** Default: the world's label. What stands in for a published image has that one's labels instead, which children inherit. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly buildargs?: Readonly<Record<string, string>>;
}

/** Builds an image with the classic builder (it keeps no session and works on every engine) and tells its id. */
export async function buildImage(
  docker: Docker,
  files: ContextFiles,
  options: BuildOptions,
): Promise<string> {
  const stream = await docker.buildImage(tarOf(files) as unknown as NodeJS.ReadableStream, {
    t: options.tag,
    forcerm: true,
    labels: { ...(options.labels ?? { [WORLD_LABEL]: "image" }) },
    buildargs: { ...options.buildargs },
    platform: "linux/amd64",
  });
  await readStream(stream);
  return (await docker.getImage(options.tag).inspect()).Id;
}

/** dockerode's importImage, which its types describe only with a callback. */
type ImportImage = (
  file: NodeJS.ReadableStream,
  options: {
    readonly repo: string;
    readonly tag: string;
    readonly changes: readonly string[];
    readonly platform: string;
  },
) => Promise<NodeJS.ReadableStream>;

/**
 * Imports a root file system as an image.
 * @param root a tar on the host, or its stream
 * @param changes Dockerfile instructions that set the image's configuration
 */
export async function importImage(
  docker: Docker,
  root: string | NodeJS.ReadableStream,
  tag: string,
  changes: readonly string[],
): Promise<void> {
  const [repo = "", version = "latest"] = tag.split(":");
  const stream = await (docker.importImage as unknown as ImportImage).call(
    docker,
    typeof root === "string" ? createReadStream(root) : root,
    { repo, tag: version, changes, platform: "linux/amd64" },
  );
  await readStream(stream);
}

/** Pulls an image for linux/amd64; a failing pull is thrown. */
export async function pullImage(docker: Docker, reference: string): Promise<void> {
  await readStream(await docker.pull(reference, { platform: "linux/amd64" }));
}

/** Whether the engine has an image of this name. */
export async function hasImage(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

export interface RunOptions {
  readonly image: string;
  readonly script: string;
  /** Files to put into the container before it starts, below the root. */
  readonly files?: ContextFiles;
  readonly binds?: readonly string[];
  readonly env?: readonly string[];
}

/**
 * Runs a shell script in a throw-away container; a failing script is thrown with its output.
 * @param collect is given the container after the script ended well and before it is removed, to copy results out
 * @returns the script's output
 */
export async function runScript(
  docker: Docker,
  options: RunOptions,
  collect: (container: Docker.Container) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const container = await docker.createContainer({
    Image: options.image,
    Entrypoint: ["sh", "-ec", options.script],
    Cmd: [],
    Env: [...(options.env ?? [])],
    Labels: { [WORLD_LABEL]: "tool" },
    HostConfig: { Binds: [...(options.binds ?? [])] },
    // One stream: without a terminal the engine frames its output.
    Tty: true,
  });
  try {
    if (options.files !== undefined)
      await container.putArchive(tarOf(options.files) as unknown as NodeJS.ReadableStream, { path: "/" });
    await container.start();
    const { StatusCode: code } = (await container.wait()) as { StatusCode: number };
    const output = (await container.logs({ stdout: true, stderr: true })).toString("utf8");
    if (code !== 0)
      throw new Error(`A script in ${options.image} exited with ${String(code)}:\n${output.slice(-4000)}`);
    await collect(container);
    return output;
  } finally {
    await container.remove({ force: true });
  }
}

/** A short hash that names what an image is made from. */
export function inputsHash(...inputs: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input).update("\0");
  return hash.digest("hex").slice(0, 12);
}
