import type { SandboxInstance } from "@blaxel/core";
import { labelValue, SANDBOX_LABEL, type SandboxRequest } from "../blaxel/sandboxes";
import { temporarySandbox } from "../blaxel/temporary-sandbox";
import { requireMesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import { checkTtl, issueCredential } from "../mesa/credential";
import { mountPlan, serviceVariables, type MountPlan } from "../mesa/mount-plan";
import { orgOfWishes, placeMounts, usualMounts, type MountWish } from "../mesa/mounts";
import { loginToImport } from "../registry/published";
import type { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { cleanUp, type Leftovers, type CreatedParts } from "./close";
import type { SessionEvent } from "./events";
import { brokenMount, mountAndProve } from "./mount";
import { findRepos, splitRepos } from "./repos";
import { asUser, checkUserName } from "./user";

/** Label that says which organization its credential is of. */
export const ORG_LABEL = "mesa-template.org";

/** A sandbox comes up in seconds; one that takes longer than this does not come, in ms. */
const CREATE_LIMIT_MS = 180_000;
const ANSWER_LIMIT_MS = 60_000;

export interface SessionRequest {
  readonly image: string;
  /** Mesa version in the image: decides how it mounts. */
  readonly mesaVersion: string;
  /** "org/repo"; all of one organization. The first one is where the command runs. */
  readonly repos: readonly string[];
  /** In place of `repos` and `write`: a tree of several repositories. */
  readonly mounts?: readonly MountWish[] | undefined;
  readonly write: boolean;
  readonly createRepos: boolean;
  readonly ttlSeconds: number;
  readonly memoryMegabytes: number;
  readonly region?: string | undefined;
  /** Who mounts and runs the commands, other than root. Default: whoever the image's own user is. */
  readonly user?: string | undefined;
  /** How long creating the sandbox may take, in ms. Default: three minutes. */
  readonly createLimitMs?: number | undefined;
  /** Whether the sandbox is to outlive this process. */
  readonly keep?: boolean;
  /** Runs before the mount, e.g. to bring Mesa into a stock image. */
  readonly prepare?: (sandbox: SandboxInstance) => Promise<void>;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** A sandbox with a proven mount. */
export interface Session {
  readonly sandbox: SandboxInstance;
  readonly name: string;
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  readonly credentialEndsAt: string;
  /** What broke the mount since it was proven, or undefined: to be asked after each command. */
  broken(): Promise<Failure | undefined>;
  /** Takes the mount away, revokes the credential, deletes the sandbox; the second time it does nothing. */
  close(): Promise<Leftovers>;
}

/**
 * Creates a sandbox with Mesa mounted and proven. What was created until something fails is taken away again before that is
 * thrown; what could not be is told as an event.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential it was
 */
export async function openSession(host: Host, request: SessionRequest): Promise<Session> {
  const named = request.mounts === undefined ? splitRepos(request.repos).org : orgOfWishes(request.mounts);
  if (request.user !== undefined) checkUserName(request.user);
  const access = requireMesaAccess(host.env, request.mesaVersion, named);
  const { org } = access;
  const mounts =
    request.mounts === undefined
      ? usualMounts(org, splitRepos(request.repos).names, request.write)
      : placeMounts(request.mesaVersion, org, request.mounts);
  const written = new Set(mounts.flatMap(({ entry }) => (entry.mode === "rw" ? [entry.name] : [])));
  const write = written.size > 0;
  const names = [...new Set(mounts.map(({ entry }) => entry.name))];
  checkTtl(access, request.mesaVersion, request.ttlSeconds);
  const api = mesaApi(host, access);
  const name = `mesa-run-${host.runId}`;
  const emit = request.onEvent ?? ((): void => undefined);
  let created: CreatedParts = { name, access, keyId: undefined, temporary: undefined, mounted: undefined };
  let closing: Promise<Leftovers> | undefined;
  let checks = 0;
  const close = async (): Promise<Leftovers> => {
    emit({ type: "closing", name });
    const leftovers = await cleanUp(host, created);
    for (const message of leftovers) emit({ type: "left-over", name, message });
    if (leftovers.length === 0) emit({ type: "closed", name, revoked: created.keyId !== undefined });
    return leftovers;
  };
  const dockerConfig = await loginToImport(host, request.image);
  const repos = await findRepos(api, org, names, request.createRepos);
  try {
    const credential = await issueCredential(host, access, {
      version: request.mesaVersion,
      name,
      repos,
      write,
      readOnly: names.filter((one) => !written.has(one)),
      seconds: request.ttlSeconds,
    });
    created = { ...created, keyId: credential.keyId };
    const credentialEndsAt = new Date(credential.endsAt).toISOString();
    emit({ type: "creating", name, image: request.image });
    const createMs = request.createLimitMs ?? CREATE_LIMIT_MS;
    const limits = { createMs, answerMs: Math.min(createMs, ANSWER_LIMIT_MS) };
    const temporary = temporarySandbox(host, { ...sandboxRequest(name, org, request), dockerConfig }, limits);
    created = { ...created, temporary };
    const whole = await temporary.ready();
    await request.prepare?.(whole);
    const sandbox = request.user === undefined ? whole : await asUser(whole, request.user);
    const plan = mountPlan({
      version: request.mesaVersion,
      org,
      mounts,
      credential: credential.value,
      service: serviceVariables(access.apiUrl),
      base: `/tmp/mesa-${host.runId}`,
    });
    const pathOf = (mount = mounts[0]): string => `${plan.mountPoint}${mount?.path ?? ""}`;
    const path = pathOf();
    emit({ type: "mounting", name });
    created = { ...created, mounted: { sandbox, plan } };
    // What can be written proves more.
    const mounted = { plan, path: pathOf(mounts.find(({ entry }) => entry.mode === "rw")), write };
    await mountAndProve(host, sandbox, mounted);
    emit({ type: "ready", name, path, credentialEndsAt });
    return {
      sandbox,
      name,
      plan,
      path,
      credentialEndsAt,
      broken: () => brokenMount(host, sandbox, mounted, (checks += 1)),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function sandboxRequest(name: string, org: string, request: SessionRequest): SandboxRequest {
  return {
    name,
    image: request.image,
    memoryMegabytes: request.memoryMegabytes,
    ttl: `${String(Math.ceil(request.ttlSeconds / 60) + 10)}m`,
    keep: request.keep,
    region: request.region,
    labels: { [SANDBOX_LABEL]: "run", [ORG_LABEL]: labelValue(org) },
  };
}

/** Opens a session, runs `use`, and closes it, whatever happened; with `keep` only when `use` failed. */
export async function withSession<T>(
  host: Host,
  request: SessionRequest,
  keep: boolean,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(host, { ...request, keep });
  let kept = false;
  try {
    const result = await use(session);
    kept = keep;
    return result;
  } finally {
    if (!kept) await session.close();
  }
}
