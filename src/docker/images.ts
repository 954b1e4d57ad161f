import { Readable } from "node:stream";
import type Docker from "dockerode";
import { withCleanUp } from "../support/processes/clean-up";
import { Failure } from "../support/errors";
import { runLabels, type Host } from "../support/host";
import { withTimeLimit } from "../support/processes/time-limit";
import { apiMinor, dial } from "./connection/daemon";
import type { BuildRequest, EngineImage, EngineImages, PullRequest, PushRequest } from "./engine";
import { answerOf, engineFailed, engineWords, statusOf } from "./failures";
import { followBuild, type BuildEnding } from "./builds/follow-build";
import { messagesOf, StreamSilent } from "./builds/message-stream";

/** Time limit for removing an image, in ms: a large one takes long on a slow disk. */
const REMOVAL_MS = 120_000;

/** The platform of every image here. */
export const PLATFORM = "linux/amd64";
/** As an engine wants it where it names one of several (Moby, api/docs/CHANGELOG.md, 1.48 and 1.49). */
const ONE_OF_SEVERAL = { platform: { os: "linux", architecture: "amd64" } };

/**
 * The engine's methods for images.
 * @param apiVersion its own, e.g. "1.41"; decides whether a name with several platforms can be resolved to ours
 */
export function imagesOf(
  host: Host,
  docker: Docker,
  apiVersion: string,
  removalMs = REMOVAL_MS,
): Omit<EngineImages, "readImage"> & {
  /** The image in the format of `docker save`. */
  readonly saveImage: (reference: string) => Promise<Readable>;
} {
  const { signal } = host;
  const inspected = apiMinor(apiVersion) >= 49 ? ONE_OF_SEVERAL : {};
  const saved = apiMinor(apiVersion) >= 48 ? ONE_OF_SEVERAL : {};
  return {
    pull: (request) => pull(docker, signal, request),
    push: (request) => push(docker, signal, request, inspected),
    build: (request) => build(docker, signal, request),
    image: (reference) => imageNamed(docker, reference, inspected),
    lineage: (reference) =>
      answerOf(`The history of ${reference} could not be read`, async () => {
        const steps = (await docker.getImage(reference).history()) as readonly { readonly Id: string }[];
        return steps.map((step) => prefixed(step.Id));
      }),
    images: (wanted) =>
      answerOf("The images could not be listed", async () => {
        const found = await docker.listImages({ all: false, filters: { label: [...wanted] } });
        return found.map((image) => ({
          id: prefixed(image.Id),
          tags: (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
          labels: (image.Labels as Readonly<Record<string, string>> | null) ?? {},
        }));
      }),
    tag: (image, repository, tag) =>
      answerOf(`The image ${image} could not be tagged`, async () => {
        await docker.getImage(image).tag({ repo: repository, tag });
      }),
    emptyImage: () => emptyImage(docker, runLabels(host)),
    removeImage: (reference, parents) =>
      // Ignores the run's signal: an interrupted run still removes its images. Only the time limit applies.
      withTimeLimit(removalMs, new AbortController().signal, async (limit) => {
        try {
          await docker.getImage(reference).remove({ abortSignal: limit, noprune: parents === "kept" });
          return true;
        } catch (error) {
          if (statusOf(error) === 404 || statusOf(error) === 409) return false;
          const what = `The image ${reference} could not be removed`;
          throw limit.aborted
            ? engineFailed(what, new Error(`no answer within ${String(removalMs / 1000)} s`))
            : engineFailed(what, error);
        }
      }),
    saveImage: (reference) =>
      answerOf(
        `The image ${reference} could not be read`,
        () => get<Readable>(docker, `/images/${reference}/get`, saved, true),
        { signal },
      ),
  };
}

type Ask = Partial<typeof ONE_OF_SEVERAL>;

async function pull(docker: Docker, signal: AbortSignal, { reference, login }: PullRequest): Promise<void> {
  try {
    const options = { platform: PLATFORM, abortSignal: signal, ...authOf(login, reference) };
    const stream = (await docker.pull(reference, options)) as unknown as Readable;
    for await (const message of messagesOf(stream, { signal })) {
      if (message.error !== undefined) throw new Error(message.error);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new Failure({
      code: "PULL_FAILED",
      kind: "environment",
      message: `The engine could not pull ${reference}: ${engineWords(error)}`,
      hint: "The engine could not reach the registry, or the registry refused. Check mirrors.images in upstream.toml, docker login, and the engine's proxy settings.",
      cause: error,
    });
  }
}

/** The option for a login; the types allow only user name and password, but the engine accepts every kind. */
function authOf(login: PullRequest["login"], reference: string): { readonly authconfig?: object } {
  const serveraddress = reference.split("/", 1)[0] ?? "";
  return login === undefined ? {} : { authconfig: { ...login, serveraddress } };
}

/** After this time without output, a push or build counts as hung, in ms. */
const SILENCE_MS = 600_000;

async function push(
  docker: Docker,
  signal: AbortSignal,
  request: PushRequest,
  inspected: Ask,
): Promise<void> {
  const { image, repository, tag, login, onProgress } = request;
  const reference = `${repository}:${tag}`;
  const before = await imageNamed(docker, reference, inspected);
  const failed = (error: unknown): Failure =>
    new Failure({
      code: "PUSH_FAILED",
      kind: "deploy",
      message: `The engine could not push ${reference}: ${engineWords(error)}`,
      hint: "Nothing was deployed. Run the release again; layers that arrived are not sent again.",
      cause: error,
    });
  const send = async (): Promise<void> => {
    await docker.getImage(image).tag({ repo: repository, tag });
    // Without a login the engine still wants the header.
    const options = { authconfig: {}, ...authOf(login, repository), abortSignal: signal };
    const stream = (await docker.getImage(reference).push(options)) as unknown as Readable;
    for await (const { error, id, status } of messagesOf(stream, { signal, silenceMs: SILENCE_MS })) {
      if (error !== undefined) {
        // An engine that is shut down fails its pushes first; the real cause is that it no longer responds.
        await imageNamed(docker, reference, inspected);
        throw failed(error);
      }
      if (status !== undefined && /^(?:Pushed|Layer already exists|Mounted from)/u.test(status))
        onProgress?.(`layer ${id ?? ""}: ${status}`);
    }
  };
  const takeNameBack = async (): Promise<void> => {
    if (before === undefined)
      await answerOf(
        "The name of a pushed image could not be removed",
        () => docker.getImage(reference).remove(),
        { instead: { 404: undefined } },
      );
    else await docker.getImage(before.id).tag({ repo: repository, tag });
  };
  const pushed = send().catch((error: unknown) => {
    signal.throwIfAborted();
    const isGone = statusOf(error) === undefined && !(error instanceof StreamSilent);
    throw isGone ? engineFailed(`${reference} could not be pushed`, error) : failed(error);
  });
  // A leftover tag is harmless: it points at the image that was pushed.
  await withCleanUp(
    () => pushed,
    takeNameBack,
    () => undefined,
  );
}

/** An empty tar: only the end marker (POSIX, pax interchange format: two blocks of zeros). */
const EMPTY_TAR = Buffer.alloc(1024);

function emptyImage(docker: Docker, labels: Readonly<Record<string, string>>): Promise<string> {
  return answerOf("An empty image could not be created", async () => {
    const changes = Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`);
    const stream = (await docker.importImage(Readable.from([EMPTY_TAR]), { changes })) as unknown as Readable;
    let id: string | undefined;
    for await (const { error, status } of messagesOf(stream, { signal: new AbortController().signal })) {
      if (error !== undefined) throw new Error(error);
      if (status?.startsWith("sha256:") === true) id = status;
    }
    if (id === undefined) throw new Error("the answer names no image");
    return id;
  });
}

async function build(docker: Docker, signal: AbortSignal, request: BuildRequest): Promise<BuildEnding> {
  const options = {
    t: request.tag,
    platform: PLATFORM,
    labels: { ...request.labels },
    buildargs: { ...request.buildArgs },
    nocache: request.noCache,
    rm: true,
    forcerm: true,
    abortSignal: signal,
    // A number: for the text "2", dockerode 5.0.1 opens a gRPC session, which this build does not need.
    version: request.builder === "buildkit" ? 2 : 1,
  };
  // The types allow only text; the engine accepts both (measured on Engine 20.10.24).
  const typed = options as unknown as Docker.ImageBuildOptions;
  const begun = await docker.buildImage(request.context, typed).catch((error: unknown) => {
    signal.throwIfAborted();
    if (statusOf(error) === undefined) throw engineFailed("The build could not be started", error);
    throw new Failure({
      code: "BUILD_REFUSED",
      kind: "build",
      message: `The engine refused the build: ${engineWords(error)}`,
      cause: error,
    });
  });
  return followBuild(begun as unknown as Readable, { signal, silenceMs: SILENCE_MS }, request);
}

async function imageNamed(
  docker: Docker,
  reference: string,
  inspected: Ask,
): Promise<EngineImage | undefined> {
  const image = await answerOf<InspectedImage | undefined>(
    `The image ${reference} could not be inspected`,
    () => get(docker, `/images/${reference}/json`, inspected),
    { instead: { 404: undefined } },
  );
  if (image === undefined) return undefined;
  const { Config: config } = image;
  return {
    id: prefixed(image.Id),
    tags: image.RepoTags,
    labels: config?.Labels ?? {},
    layers: image.RootFS?.Layers ?? [],
    architecture: image.Architecture,
    config: {
      env: config?.Env ?? [],
      entrypoint: words(config?.Entrypoint),
      cmd: words(config?.Cmd),
      user: config?.User ?? "",
      workdir: config?.WorkingDir ?? "",
      exposedPorts: Object.keys(config?.ExposedPorts ?? {}).sort(),
      volumes: Object.keys(config?.Volumes ?? {}).sort(),
    },
  };
}

/** An image as engines answer; dockerode's type does not know that Podman and older engines omit empty values. */
interface InspectedImage {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly Architecture: string;
  readonly RootFS?: { readonly Layers?: readonly string[] };
  readonly Config?: Partial<{
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly Env: readonly string[] | null;
    readonly Entrypoint: string | readonly string[] | null;
    readonly Cmd: string | readonly string[] | null;
    readonly User: string;
    readonly WorkingDir: string;
    readonly ExposedPorts: object | null;
    readonly Volumes: object | null;
  }>;
}

/** dockerode 5.0.1 leaves the options of its own `inspect` and `get` out of the request. */
function get<T>(docker: Docker, path: string, options: Ask, isStream = false): Promise<T> {
  const statusCodes = { 200: true, 404: "no such image", 500: "server error" };
  return dial(docker, { path: `${path}?`, method: "GET", options, statusCodes, isStream });
}

/** Podman omits the algorithm of a digest. */
function prefixed(id: string): string {
  return id.startsWith("sha256:") ? id : `sha256:${id}`;
}

function words(value: string | readonly string[] | null | undefined): readonly string[] {
  return value === null || value === undefined ? [] : typeof value === "string" ? [value] : value;
}
