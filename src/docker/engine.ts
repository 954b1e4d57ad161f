import type { Header } from "tar-stream";
import type { BuildEnding, BuildListener } from "./builds/follow-build";
import type { EngineFacts } from "./connection/daemon";
import type { ImageContents } from "./saved-image/read-saved-image";

/** A login to a registry: the fields of X-Registry-Auth in the engine's API. */
type RegistryLogin = Readonly<Record<string, string>>;

export interface PullRequest {
  /** registry/path@sha256:… or registry/path:tag */
  readonly reference: string;
  readonly login?: RegistryLogin | undefined;
}

export interface PushRequest {
  /** Id or reference of a local image. */
  readonly image: string;
  /** registry/path */
  readonly repository: string;
  readonly tag: string;
  readonly login: RegistryLogin | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
}

export interface BuildRequest extends BuildListener {
  /** A tar of the build context. */
  readonly context: NodeJS.ReadableStream;
  readonly builder: "buildkit" | "classic";
  /** The image's name. */
  readonly tag: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly noCache: boolean;
}

export interface EngineImage {
  /** The engine's own id; see idsAreConfigDigests. */
  readonly id: string;
  readonly tags: readonly string[];
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
  /** As written in the image, e.g. "8080/tcp". */
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
}

/** An image on the engine. */
export interface HeldImage {
  /** The engine's id of it. */
  readonly id: string;
  readonly reference: string;
}

/** A container in a list. */
interface ListedContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Creation time in ms since the epoch. */
  readonly createdAtMs: number;
}

export interface ContainerRequest {
  readonly image: string;
  /** For an image of the engine's own platform instead of linux/amd64: one that was made from nothing. */
  readonly anyPlatform?: boolean;
  /** NAME=value */
  readonly env?: readonly string[] | undefined;
  /** Replace the image's own; undefined keeps them. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly workdir?: string | undefined;
  /** A small init as process 1, which reaps orphans. */
  readonly init?: boolean;
  /** Devices of the engine's host, passed to the container under the same path. */
  readonly devices?: readonly string[];
  readonly capabilities?: readonly string[];
  readonly securityOptions?: readonly string[];
  /** TCP ports of the container to publish on free ports of the engine. */
  readonly publish?: readonly number[];
  /** source:target[:options], as for docker run -v. */
  readonly binds?: readonly string[];
}

export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** When it ended by the engine's clock, in ms since the epoch; undefined while it runs. */
  readonly finishedAtMs: number | undefined;
  /** The engine's message if it could not start. */
  readonly error: string;
  /** Port of the engine by TCP port of the container. */
  readonly ports: Readonly<Record<number, number>>;
}

/** What is at a path of a container. Podman reports the container's user as owner of everything, so the owner is left out. */
export interface ContainerEntry {
  /** Of the engine's tar. */
  readonly type: Header["type"];
  /** Permission bits with setuid, setgid and sticky, e.g. 0o4755. */
  readonly mode: number;
  /** Of a file. */
  readonly bytes: Buffer;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  /** Name or uid[:gid]; default: the container's own. */
  readonly user?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Time limit in ms. The program itself continues, because an engine cannot end an exec. */
  readonly timeoutMs: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * A container engine, as one run uses it: an interrupted run interrupts its requests, except those that clean up. Unless stated otherwise,
 * methods throw Failure ENGINE_FAILED or ENGINE_GONE (exit 3) with the engine's message.
 */
export interface Engine extends EngineImages, EngineContainers {
  readonly facts: EngineFacts;
}

export interface EngineImages {
  /** Pulls an image for linux/amd64. @throws Failure PULL_FAILED (exit 3) */
  pull(request: PullRequest): Promise<void>;
  /** Pushes an image under a temporary name. @throws Failure PUSH_FAILED (exit 7) */
  push(request: PushRequest): Promise<void>;
  /** Builds for linux/amd64. A failed build is a result. @throws Failure BUILD_REFUSED (exit 5) */
  build(request: BuildRequest): Promise<BuildEnding>;
  /** The image of a name. For several platforms (from API 1.49 on), the one for linux/amd64; undefined without one. */
  image(reference: string): Promise<EngineImage | undefined>;
  /** Ids of the image and of its parents, as far as its history names them: the classic builder's does. */
  lineage(reference: string): Promise<readonly string[]>;
  /** Images that have all these labels ("key" or "key=value"). */
  images(labels: readonly string[]): Promise<readonly Pick<EngineImage, "id" | "tags" | "labels">[]>;
  tag(image: string, repository: string, tag: string): Promise<void>;
  /** Makes an image without files, with this run's labels; returns its id. */
  emptyImage(): Promise<string>;
  /** Removes a tag or an image; false if it did not exist or is in use. Untagged parents go too, unless kept. */
  removeImage(reference: string, parents?: "kept"): Promise<boolean>;
  /**
   * The content of an image, read once: reading is the most expensive request after a build. Later calls without values, or with the same
   * ones, share the result.
   * @param values to search for in the files of all layers; default: the run's secrets, because another check needs them later
   */
  readImage(image: HeldImage, values?: readonly string[]): Promise<ImageContents>;
}

export interface EngineContainers {
  /** Makes a container with this run's labels; returns its id. */
  createContainer(request: ContainerRequest): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Runs a program in a container of its own, which is killed after timeoutMs and removed. ENGINE_FAILED if it cannot start. */
  runToEnd(request: ContainerRequest, timeoutMs: number): Promise<ExecResult>;
  container(id: string): Promise<ContainerState | undefined>;
  containers(labels: readonly string[]): Promise<readonly ListedContainer[]>;
  exec(id: string, request: ExecRequest): Promise<ExecResult>;
  /** The container's last lines, stdout and stderr. */
  logs(id: string, tail: number): Promise<readonly string[]>;
  /** Sends SIGTERM, then SIGKILL after graceSeconds. */
  stop(id: string, graceSeconds: number): Promise<void>;
  /** Removes a container, running or not. Accepts that it no longer exists. */
  removeContainer(id: string): Promise<void>;
  /** What is at a path in a container (started or not); undefined if nothing is. Podman follows a symbolic link at the path. */
  entry(id: string, path: string): Promise<ContainerEntry | undefined>;
}
