import type { SandboxInstance } from "@blaxel/core";
import { labelValue, SANDBOX_LABEL, type SandboxRequest } from "../blaxel/sandboxes";
import { removeLeftSandboxes } from "../blaxel/leftovers";
import { temporarySandbox } from "../blaxel/temporary-sandbox";
import { requireMesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import { checkTtl, issueCredential, longestLife, type SandboxCredential } from "../mesa/credential";
import { removeLeftInMesa, temporaryMesaName } from "../mesa/leftovers";
import { mountPlan, serviceVariables, type MountPlan } from "../mesa/mount-plan";
import { orgOfMounts, placeMounts, type RequestedMount } from "../mesa/mounts";
import { loginToImport } from "../registry/logins";
import { isoTime } from "../support/clock";
import { Failure, messageOf } from "../support/errors";
import type { Host } from "../support/host";
import { cleanUp, flush, type Leftovers, type CreatedParts } from "./close";
import type { SessionEvent } from "./events";
import { awake, runAndFollow, type CommandRun } from "./commands/follow";
import { holdMount, momentsOf, type HeldMount, type Lifetime } from "./mount/held-mount";
import { brokenMount, mountAndProve } from "./mount/mount";
import { findRepos, makeBranches, type Branch } from "./repos";
import { asUser, checkUserName } from "./commands/user";

/** Label with the organization of the credential. */
export const ORG_LABEL = "mesa-template.org";

/** Time limit for creating a sandbox, in ms; it usually takes seconds. */
const CREATE_LIMIT_MS = 180_000;
const ANSWER_LIMIT_MS = 60_000;
/** Time limit for flushing before a remount, in ms: below the edge's minute for a request. */
const REMOUNT_FLUSH_MS = 50_000;

export interface SessionRequest {
  readonly image: string;
  /** Mesa version in the image; decides how to mount. */
  readonly mesaVersion: string;
  /** All in one organization. Commands run in the first one. */
  readonly mounts: readonly RequestedMount[];
  readonly createRepos: boolean;
  readonly ttlSeconds: number;
  /** Whether to issue a new credential before the current one expires, so that the session can outlast it. A single command cannot. */
  readonly renews: boolean;
  readonly memoryMegabytes: number;
  readonly region?: string | undefined;
  /** The user that mounts and runs commands, if not root. Default: the image's own user. */
  readonly user?: string | undefined;
  /** Time limit for creating the sandbox, in ms. Default: three minutes. */
  readonly createLimitMs?: number | undefined;
  /** Whether the sandbox outlives this process. */
  readonly keep?: boolean;
  /** Runs before the mount, e.g. to install Mesa in a stock image. */
  readonly prepare?: (sandbox: SandboxInstance) => Promise<void>;
  readonly onEvent?: (event: SessionEvent) => void;
}

/** The result of a command. */
export interface Outcome {
  /** 128 + n if signal n killed it. */
  readonly exitCode: number;
  /** Set if the mount broke while the command ran: writes may be lost, whatever the exit code. */
  readonly broken: Failure | undefined;
}

/** A sandbox with a proven mount. */
export interface Session {
  readonly sandbox: SandboxInstance;
  readonly name: string;
  readonly plan: MountPlan;
  /** Path of the first repository. */
  readonly path: string;
  /** The bookmarks created for this session, which hold its writes. */
  readonly branches: readonly Branch[];
  /** Expiry of the credential in use, ISO 8601. */
  readonly credentialEndsAt: string;
  /**
   * Runs a command on a working mount: proves it again after a standby, and mounts again if it broke. Also checks the mount afterwards,
   * before any remount, because a command may not notice that its mount broke.
   * @param own the caller's host, with its own run id and signal
   * @throws Failure CREDENTIAL_ENDING if it was stopped in time to flush its writes; see runAndFollow and mountAndProve
   */
  run(own: Host, command: CommandRun): Promise<Outcome>;
  /** Mounts again with a new credential once no command runs. @throws see mountAndProve */
  remount(): Promise<void>;
  /** Unmounts, revokes the credential, deletes the sandbox. Repeated calls do nothing. */
  close(): Promise<Leftovers>;
}

/**
 * Creates a sandbox with Mesa mounted and proven. On failure, removes everything created so far before it throws; reports what could not be
 * removed as an event.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential failed
 */
export async function openSession(host: Host, request: SessionRequest): Promise<Session> {
  const named = orgOfMounts(request.mounts);
  if (request.user !== undefined) checkUserName(request.user);
  const access = requireMesaAccess(host.env, request.mesaVersion, named);
  const { org } = access;
  let mounts = placeMounts(request.mesaVersion, org, request.mounts);
  const readOnly = mounts.flatMap(({ entry }) => (entry.mode === "ro" ? [entry.name] : []));
  const write = readOnly.length < mounts.length;
  checkTtl(access, request.mesaVersion, request.ttlSeconds);
  const api = mesaApi(host, access);
  const name = `mesa-run-${host.runId}`;
  const emit = request.onEvent ?? ((): void => undefined);
  let created: CreatedParts = {
    name,
    access,
    keyIds: [],
    unused: [],
    temporary: undefined,
    mounted: undefined,
  };
  let closing: Promise<Leftovers> | undefined;
  let held: HeldMount | undefined;
  let checks = 0;
  const close = async (): Promise<Leftovers> => {
    emit({ type: "closing", name });
    await held?.release();
    const leftovers = await cleanUp(host, created);
    for (const message of leftovers) emit({ type: "left-over", name, message });
    if (leftovers.length === 0) emit({ type: "closed", name, revoked: created.keyIds.length > 0 });
    return leftovers;
  };
  const dockerConfig = await loginToImport(host, request.image);
  const repos = await findRepos(api, org, mounts, request.createRepos);
  let issued = 0;
  // A kept sandbox outlives this process, so its credential carries no mark of it.
  const keyName = request.keep === true ? (base: string) => base : temporaryMesaName;
  const issue = async (): Promise<SandboxCredential> => {
    issued += 1;
    const credential = await issueCredential(host, access, {
      version: request.mesaVersion,
      name: keyName(issued === 1 ? name : `${name}-${String(issued)}`),
      repos,
      write,
      readOnly,
      seconds: request.ttlSeconds,
    });
    if (credential.keyId !== undefined)
      created = { ...created, keyIds: [...created.keyIds, credential.keyId] };
    return credential;
  };
  const planFor = (credential: SandboxCredential): MountPlan =>
    mountPlan({
      version: request.mesaVersion,
      org,
      mounts,
      credential: credential.value,
      service: serviceVariables(access.apiUrl),
      base: `/tmp/mesa-${host.runId}`,
    });
  try {
    mounts = await makeBranches(api, org, mounts, name, (branch) => {
      created = { ...created, unused: [...created.unused, branch] };
    });
    const branches = created.unused;
    const credential = await issue();
    emit({ type: "creating", name, image: request.image });
    const createMs = request.createLimitMs ?? CREATE_LIMIT_MS;
    const limits = { createMs, answerMs: Math.min(createMs, ANSWER_LIMIT_MS) };
    const wanted = { ...sandboxRequest(name, org, request), dockerConfig };
    const clearing = removeLeftSandboxes(host).then((found) =>
      found ? removeLeftInMesa(host, access) : undefined,
    );
    const temporary = temporarySandbox(host, wanted, limits, clearing);
    created = { ...created, temporary };
    const whole = await temporary.ready();
    await request.prepare?.(whole);
    const sandbox = request.user === undefined ? whole : await asUser(whole, request.user);
    const first = planFor(credential);
    const pathOf = (mount = mounts[0]): string => `${first.mountPoint}${mount?.path ?? ""}`;
    const path = pathOf();
    // Writing proves more than reading.
    const proven = { path: pathOf(mounts.find(({ entry }) => entry.mode === "rw")), write };
    const mount = async (plan: MountPlan): Promise<void> => {
      created = { ...created, mounted: { sandbox, plan } };
      await mountAndProve(host, sandbox, { plan, ...proven });
    };
    const broken = async (when: "before" | "after"): Promise<Failure | undefined> => {
      const plan = created.mounted?.plan ?? first;
      return brokenMount(host, sandbox, { plan, ...proven }, (checks += 1), when);
    };
    /** Revokes all credentials except the current one; closing the session retries failures. */
    const revokeOlder = async (inUse: SandboxCredential): Promise<void> => {
      for (const keyId of created.keyIds.filter((one) => one !== inUse.keyId)) {
        await api.revokeKey(keyId).then(
          () => {
            created = { ...created, keyIds: created.keyIds.filter((one) => one !== keyId) };
          },
          () => undefined,
        );
      }
    };
    emit({ type: "mounting", name });
    await mount(first);
    const mounted = holdMount<SandboxCredential>(host.clock, credential, request.renews, {
      issue,
      async swap(next, reason) {
        await awake(host, sandbox);
        const before = { sandbox, plan: created.mounted?.plan ?? first };
        const state = reason === "broken" ? "broken" : "works";
        const lost = await flush(host, before, REMOUNT_FLUSH_MS, state);
        for (const message of lost) emit({ type: "warning", name, message });
        await mount(planFor(next));
        await revokeOlder(next);
        emit({ type: "remounted", name, reason, credentialEndsAt: isoTime(next.endsAt) });
      },
      async works() {
        await awake(host, sandbox);
        return (await broken("before")) === undefined;
      },
      ending: (lifetime) => endedInTime(lifetime, longestLife(access, request.mesaVersion)),
      onFailed: (error) => {
        const message = `the credential could not be renewed; retrying: ${host.redact(messageOf(error))}`;
        emit({ type: "warning", name, message });
      },
    });
    held = mounted;
    const commandsEndAt = isoTime(momentsOf(credential).endCommandsAt);
    emit({ type: "ready", name, path, credentialEndsAt: isoTime(credential.endsAt), commandsEndAt });
    created = { ...created, unused: [] };
    return {
      sandbox,
      name,
      plan: first,
      path,
      branches,
      get credentialEndsAt() {
        return isoTime(mounted.lifetime.endsAt);
      },
      run: (own, command) =>
        mounted.use(async (signal) => {
          const ends = AbortSignal.any([own.signal, signal]);
          const exitCode = await runAndFollow({ ...own, signal: ends }, sandbox, command);
          const failure = await broken("after");
          mounted.saw(failure === undefined);
          return { exitCode, broken: failure };
        }),
      remount: () => mounted.remount(),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function endedInTime({ endsAt }: Lifetime, longest: number): Failure {
  return new Failure({
    code: "CREDENTIAL_ENDING",
    kind: "deploy",
    message: `The command was stopped, so that its writes reach Mesa before the sandbox's credential expires at ${isoTime(endsAt)}.`,
    hint: `A credential cannot be replaced while a command runs. Set a longer --ttl (at most ${String(longest / 3600)}h for this version), or split the work into shorter commands.`,
  });
}

function sandboxRequest(name: string, org: string, request: SessionRequest): SandboxRequest {
  return {
    name,
    image: request.image,
    memoryMegabytes: request.memoryMegabytes,
    ttl: `${String(Math.ceil(request.ttlSeconds / 60) + 10)}m`,
    keep: request.keep,
    whileUsed: request.renews,
    region: request.region,
    labels: { [SANDBOX_LABEL]: "run", [ORG_LABEL]: labelValue(org) },
  };
}

/** Opens a session, runs `use`, and always closes it; with `keep`, only if `use` failed. Reports its branches as events at the end. */
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
    for (const branch of session.branches)
      request.onEvent?.({ type: "branch", name: session.name, ...branch });
  }
}
