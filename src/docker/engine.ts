import type { Readable } from "node:stream";

/** What an engine is and can do: asked of the engine, never guessed from its name. */
export interface EngineFacts {
  /** As it names itself, e.g. "Docker Engine", "Podman Engine". */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
  /** How it was reached, for people: unix:///var/run/docker.sock */
  readonly address: string;
  /** Whether it builds with BuildKit over this API. */
  readonly buildKit: boolean;
  /** Whether containers are confined by AppArmor unless told otherwise (it forbids mount). */
  readonly appArmor: boolean;
  /** Whether it runs as a plain user: root of its containers is that user, and has no rights to devices of the engine's machine. */
  readonly rootless: boolean;
  /** Whether an image's id is the digest of its configuration; with the containerd image store it is that of a manifest. */
  readonly idsAreConfigDigests: boolean;
  readonly operatingSystem: string;
  /** As the engine's machine says it, e.g. x86_64. */
  readonly architecture: string;
  readonly publish: PublishedPorts;
  /** For tcp with TLS. */
  readonly tls?: EngineTls;
}

/** How an engine is told by its certificate. */
export interface EngineTls {
  /** Folder with ca.pem, cert.pem and key.pem. */
  readonly certificates?: string | undefined;
  readonly skipVerify: boolean;
}

/** Where published ports go. A local engine binds loopback only, because the sandbox API has no password. */
export interface PublishedPorts {
  readonly bindTo: string;
  readonly reachedAt: string;
}

/** A login to a registry (X-Registry-Auth of the engine's API). */
export type RegistryLogin =
  | { readonly username: string; readonly password: string }
  | { readonly identitytoken: string }
  | { readonly registrytoken: string };

export interface PullRequest {
  /** registry/path@sha256:… or registry/path:tag */
  readonly reference: string;
  readonly platform: string;
  readonly login?: RegistryLogin | undefined;
  readonly signal: AbortSignal;
}

export interface PushRequest {
  /** Id or reference of a local image. */
  readonly image: string;
  /** registry/path */
  readonly repository: string;
  readonly tag: string;
  readonly login: RegistryLogin | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export interface BuildRequest {
  /** A tar of the build context. */
  readonly context: NodeJS.ReadableStream;
  readonly builder: "buildkit" | "classic";
  readonly tag: string;
  readonly platform: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly signal: AbortSignal;
}

export interface EngineImage {
  /** The engine's own name for it: see idsAreConfigDigests. */
  readonly id: string;
  readonly tags: readonly string[];
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of its layers' tars, oldest first. */
  readonly layers: readonly string[];
  readonly architecture: string;
  readonly config: ImageConfig;
}

export interface ImageConfig {
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly user: string;
  readonly workdir: string;
  /** As the image says it, e.g. "8080/tcp". */
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
}

/** An image as a list shows it. */
export interface ListedImage {
  readonly id: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A container as a list shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly running: boolean;
  /** When it was made, in ms since the epoch. */
  readonly createdAtMs: number;
}

export interface ContainerRequest {
  readonly image: string;
  readonly name?: string;
  /** NAME=value */
  readonly env?: readonly string[];
  /** Replace the image's own; undefined keeps them. */
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  /** A small init as PID 1 (it reaps orphans). */
  readonly init?: boolean;
  /** Device paths of the engine's host, given to the container under the same name. */
  readonly devices?: readonly string[];
  readonly capabilities?: readonly string[];
  readonly securityOptions?: readonly string[];
  /** TCP ports of the container to publish at free ports of the engine. */
  readonly publish?: readonly number[];
  readonly memoryBytes?: number;
  readonly network?: string;
  readonly privileged?: boolean;
  /** source:target[:options], as docker run -v takes them. */
  readonly binds?: readonly string[];
}

/** A container that ran to its end; it is still there, to be looked at and removed. */
export interface EndedContainer {
  readonly id: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** The engine's words when its program could not be started at all. */
  readonly startError: string | undefined;
}

export interface ContainerState {
  readonly id: string;
  readonly running: boolean;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** When it ended by the engine's clock, in ms since the epoch; undefined while it has not. */
  readonly finishedAtMs?: number;
  /** The engine's own words on why it could not start. */
  readonly error: string;
  /** Port of the engine by TCP port of the container. */
  readonly ports: Readonly<Record<number, number>>;
}

/** What a path is. */
export interface PathStat {
  readonly kind: "file" | "directory" | "symlink" | "character" | "block" | "pipe";
  /** Permission bits with setuid, setgid and sticky, e.g. 0o4755. */
  readonly mode: number;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly user?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Time limit in ms. The program itself continues, because an engine cannot end an exec. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface PathChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}

/**
 * A container engine as this program uses it. Every method throws Failure ENGINE_FAILED or ENGINE_GONE (environment) with the
 * engine's words, unless it says otherwise.
 */
export interface Engine {
  readonly facts: EngineFacts;
  /** @throws Failure PULL_FAILED (environment) */
  pull(request: PullRequest): Promise<void>;
  /** Pushes an image under a name that it carries only meanwhile. @throws Failure PUSH_FAILED (deploy) */
  push(request: PushRequest): Promise<void>;
  /** Starts a build; the answer is the engine's stream of messages. @throws Failure BUILD_REFUSED (build) */
  build(request: BuildRequest): Promise<Readable>;
  /** What a name stands for. One that holds several platforms is linux/amd64's, from API 1.49 on; undefined where it has none. */
  image(reference: string): Promise<EngineImage | undefined>;
  /** Ids of the image and of those it was built on, as far as its history names them: the classic builder's does. */
  lineage(reference: string): Promise<readonly string[]>;
  /** Images that carry all these labels ("key" or "key=value"). */
  images(labels: readonly string[]): Promise<readonly ListedImage[]>;
  tag(image: string, repository: string, tag: string): Promise<void>;
  /** Makes an image without a single file, with this run's labels; answers with its id. */
  emptyImage(): Promise<string>;
  /** Removes a tag or an image; false when it was not there or is in use. What it was built on and has no name goes too, unless it is kept. */
  removeImage(reference: string, parents?: "kept"): Promise<boolean>;
  /** The image as `docker save` writes it. */
  saveImage(reference: string, signal: AbortSignal): Promise<Readable>;
  /** Makes a container with this run's labels; answers with its id. */
  createContainer(request: ContainerRequest): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Makes a container and runs it to its end, or until timeoutMs; it is killed then. It is removed when this fails. */
  runToEnd(
    request: ContainerRequest,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<EndedContainer>;
  container(id: string): Promise<ContainerState | undefined>;
  containers(labels: readonly string[]): Promise<readonly ListedContainer[]>;
  exec(id: string, request: ExecRequest): Promise<ExecResult>;
  /** The last lines the container wrote, stdout and stderr. */
  logs(id: string, tail: number): Promise<readonly string[]>;
  /** Sends SIGTERM and waits up to graceSeconds before SIGKILL. */
  stop(id: string, graceSeconds: number): Promise<void>;
  /** Removes a container, running or not; one that is gone already is fine. */
  removeContainer(id: string): Promise<void>;
  /**
   * A tar of a path in a container (started or not); undefined when there is no such path. The bytes of files are true. Podman
   * follows a symbolic link at the path, and says of every entry that it belongs to the container's user: see fileSystem.
   */
  archive(id: string, path: string, signal: AbortSignal): Promise<Readable | undefined>;
  /**
   * Kind and mode of a path in a container (started or not), at a tenth of an archive's cost; undefined when there is no such path,
   * "untold" by an engine that says it in no way that is understood. Podman follows a symbolic link at the path here too.
   */
  pathStat(id: string, path: string, signal: AbortSignal): Promise<PathStat | "untold" | undefined>;
  /** A tar of everything in a container (started or not), kind, mode and owner as they are in it; volumes and the root itself are left out. */
  fileSystem(id: string, signal: AbortSignal): Promise<Readable>;
  /** What differs from the image. */
  changes(id: string): Promise<readonly PathChange[]>;
}
