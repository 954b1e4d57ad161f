import type { SandboxInstance } from "@blaxel/core";
import { createSandbox, deleteSandbox, saying } from "../blaxel/sandboxes";
import { mesaAccess, mesaApi, type MesaAccess, type MesaApi, type MesaKey, type Scope } from "../mesa/api";
import { mountPlan, serviceVariables, type MountPlan } from "../mesa/mount-plan";
import { mountScript, proofScript, unmountScript } from "../mesa/mount-script";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { mountFailure } from "./diagnose";
import { execScript } from "./exec";

/** Label of sandboxes made for a run, so that they are found again. */
export const SESSION_LABEL = "mesa-template.sandbox";

export interface SessionRequest {
  readonly image: string;
  /** Mesa version in the image: decides how it mounts. */
  readonly mesaVersion: string;
  /** "org/repo"; all of one organization. The first one is where the command runs. */
  readonly repos: readonly string[];
  readonly write: boolean;
  readonly createRepos: boolean;
  readonly ttlSeconds: number;
  readonly memoryMegabytes: number;
  readonly region?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Runs before the mount, e.g. to bring Mesa into a stock image. */
  readonly prepare?: (sandbox: SandboxInstance) => Promise<void>;
  readonly onProgress?: (message: string) => void;
}

/** A sandbox with a proven mount. */
export interface Session {
  readonly sandbox: SandboxInstance;
  readonly name: string;
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  readonly credentialEndsAt: string;
  readonly keyId: string;
}

/** What could not be cleaned up, in words with what to do. */
export type Leftovers = readonly string[];

/** Names without the organization, which must be one. @throws Failure REPO_NAME (exit 2) */
export function splitRepos(repos: readonly string[]): {
  readonly org: string;
  readonly names: readonly string[];
} {
  const parts = repos.map((repo) => /^([A-Za-z0-9_-]+)\/([A-Za-z0-9._-]+)$/u.exec(repo));
  const bad = repos.find((_, index) => parts[index] == null);
  if (bad !== undefined || repos.length === 0)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: bad === undefined ? "No repository was given." : `"${bad}" is not a repository.`,
      hint: "Write --repo ORG/REPO.",
    });
  const orgs = [...new Set(parts.map((part) => part?.[1] ?? ""))];
  if (orgs.length > 1)
    throw new Failure({
      code: "REPO_NAME",
      kind: "usage",
      message: `The repositories belong to several organizations: ${orgs.join(", ")}.`,
      hint: "One credential is for one organization; use one sandbox for each.",
    });
  return { org: orgs[0] ?? "", names: parts.map((part) => part?.[2] ?? "") };
}

function accessFor(host: Host, org: string): MesaAccess {
  const access = mesaAccess({ ...host.env, MESA_ORG: org });
  if (access !== undefined) return access;
  throw new Failure({
    code: "NO_MESA_CREDENTIALS",
    kind: "environment",
    message: "There is no Mesa credential: MESA_API_KEY is not set.",
    hint: "Set MESA_API_KEY to a key that may make keys (scope admin); sandboxes get short-lived ones of their own.",
  });
}

async function repoIds(
  api: MesaApi,
  org: string,
  names: readonly string[],
  create: boolean,
): Promise<readonly string[]> {
  return Promise.all(
    names.map(async (name) => {
      const found = await api.getRepo(name);
      if (found !== undefined) return found.id;
      if (create) return (await api.createRepo(name)).id;
      throw new Failure({
        code: "MESA_NOT_FOUND",
        kind: "environment",
        message: `There is no repository ${org}/${name} (or the key may not see it).`,
        hint: "Check the name, or give --create-repo.",
      });
    }),
  );
}

/** The same host with a time limit instead of the run's signal: cleaning up goes on after Ctrl-C. */
export function forCleanup(host: Host): Host {
  return { ...host, signal: AbortSignal.timeout(60_000) };
}

/**
 * Creates a sandbox with Mesa mounted and proven, runs `use`, and afterwards, always, takes the mount away, revokes the
 * credential and deletes the sandbox (unless `keep`).
 * @throws Failure naming which of API, gRPC, FUSE and credential it was
 */
export async function withSession<T>(
  host: Host,
  request: SessionRequest,
  keep: boolean,
  use: (session: Session) => Promise<T>,
  onLeftovers: (leftovers: Leftovers) => void,
): Promise<T> {
  const { org, names } = splitRepos(request.repos);
  const access = accessFor(host, org);
  const api = mesaApi(host, access);
  const name = `mesa-run-${host.runId}`;
  const scopes: readonly Scope[] = request.write ? ["read", "write"] : ["read"];
  const ids = await repoIds(api, org, names, request.createRepos);
  let key: MesaKey | undefined;
  let sandbox: SandboxInstance | undefined;
  let session: Session | undefined;
  let kept = false;
  try {
    key = await api.createKey({ name, scopes, seconds: request.ttlSeconds, repoIds: ids });
    const credentialEndsAt = new Date(host.clock.now() + request.ttlSeconds * 1000).toISOString();
    request.onProgress?.(`sandbox ${name} from ${request.image}`);
    sandbox = await create(host, name, request);
    await request.prepare?.(sandbox);
    const plan = mountPlan({
      version: request.mesaVersion,
      org,
      repos: names,
      key,
      scopes,
      seconds: request.ttlSeconds,
      service: serviceVariables(access.apiUrl),
      nowMs: host.clock.now(),
      base: `/tmp/mesa-${host.runId}`,
    });
    const path = plan.paths[`${org}/${names[0] ?? ""}`] ?? plan.mountPoint;
    request.onProgress?.("mounting");
    await mount(host, sandbox, plan, path, request.write);
    session = { sandbox, name, plan, path, credentialEndsAt, keyId: key.id };
    const result = await use(session);
    kept = keep;
    return result;
  } finally {
    if (!kept)
      onLeftovers(
        await cleanUp(forCleanup(host), access, key, sandbox === undefined ? undefined : name, session),
      );
  }
}

async function create(host: Host, name: string, request: SessionRequest): Promise<SandboxInstance> {
  try {
    return await createSandbox(host, {
      name,
      image: request.image,
      memoryMegabytes: request.memoryMegabytes,
      ttl: `${String(Math.ceil(request.ttlSeconds / 60) + 10)}m`,
      region: request.region,
      labels: { [SESSION_LABEL]: "run" },
      envs: Object.entries(request.env).map(([key, value]) => ({ name: key, value })),
    });
  } catch (error) {
    host.signal.throwIfAborted();
    await deleteSandbox(forCleanup(host), name).catch(() => undefined);
    const words = saying(error);
    throw new Failure({
      code: /quota/iu.test(words) ? "BLAXEL_QUOTA" : "SANDBOX_CREATE",
      kind: "deploy",
      message: `The sandbox could not be created from ${request.image}: ${words}`,
      hint: /quota/iu.test(words)
        ? "Delete sandboxes, ask for less --memory, or raise the quota."
        : "mesa-template list shows which images there are; bl get sandboxes what runs.",
      cause: error,
    });
  }
}

async function mount(
  host: Host,
  sandbox: SandboxInstance,
  plan: MountPlan,
  path: string,
  write: boolean,
): Promise<void> {
  const mounted = await execScript(sandbox, mountScript(plan, path), plan.env);
  if (mounted.exitCode !== 0) throw mountFailure(mounted.exitCode, host.redact(mounted.output));
  host.signal.throwIfAborted();
  const log = `; c=$?; [ $c = 0 ] || tail -n 20 ${plan.logFile} 2>/dev/null; exit $c`;
  const proof = write
    ? `( ${proofScript(plan, path, host.runId)}\n)${log}`
    : `( grep -q " ${plan.mountPoint} fuse" /proc/mounts || exit 46; ls ${path} >/dev/null || exit 43 )${log}`;
  const proven = await execScript(sandbox, proof);
  if (proven.exitCode !== 0) throw mountFailure(proven.exitCode, host.redact(proven.output));
}

async function cleanUp(
  host: Host,
  access: MesaAccess,
  key: MesaKey | undefined,
  sandbox: string | undefined,
  session: Session | undefined,
): Promise<Leftovers> {
  const leftovers: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      leftovers.push(`${what}: ${host.redact(messageOf(error))}`);
    }
  };
  if (session !== undefined) {
    // What is still buffered must reach Mesa while the credential lives; a sandbox that died has nothing to flush.
    await execScript(session.sandbox, unmountScript(session.plan)).catch(() => undefined);
  }
  if (key !== undefined)
    await attempt(`the credential ${key.id} could not be revoked (it ends by itself)`, () =>
      mesaApi(host, access).revokeKey(key.id),
    );
  if (sandbox !== undefined)
    await attempt(`the sandbox ${sandbox} could not be deleted (bl delete sandbox ${sandbox})`, () =>
      deleteSandbox(host, sandbox),
    );
  return leftovers;
}
