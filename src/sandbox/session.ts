import type { SandboxInstance } from "@blaxel/core";
import { labelValue, removeLeftSandboxes, SANDBOX_LABEL, type SandboxRequest } from "../blaxel/sandboxes";
import { temporarySandbox } from "../blaxel/temporary-sandbox";
import { requireMesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import { checkTtl, issueCredential, longestLife, type SandboxCredential } from "../mesa/credential";
import { removeLeftInMesa, temporaryMesaName } from "../mesa/leftovers";
import { mountPlan, type MountPlan } from "../mesa/mount-plan";
import { orgOfMounts, placeMounts, type RepoMount, type RequestedMount } from "../mesa/mounts";
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

/** Time limit for flushing before a remount, in ms: below the edge's minute for a request. */
const REMOUNT_FLUSH_MS = 50_000;

/** What a user of the program or the library says about a session. */
export interface SessionOptions {
  /** sandbox/NAME:TAG, from resolveTemplate. */
  readonly image: string;
  /** Mesa version in the image; decides how to mount. */
  readonly mesaVersion: string;
  readonly createRepos?: boolean;
  /** Validity of a credential in seconds; a new one replaces it before it expires. Default: an hour. */
  readonly ttlSeconds?: number;
  /** Default: 4096. */
  readonly memoryMegabytes?: number | undefined;
  readonly region?: string | undefined;
  /** The user that mounts and runs commands, if not root; created if missing. Default: the image's own user. */
  readonly user?: string | undefined;
  /** Time limit for creating the sandbox, in ms. Default: three minutes. */
  readonly createLimitMs?: number;
  /** Receives events as they happen; they never contain a credential. What it throws is ignored. */
  readonly onEvent?: (event: SessionEvent) => void;
}

export interface SessionRequest extends SessionOptions {
  /** All in one organization. Commands run in the first one. */
  readonly mounts: readonly RequestedMount[];
  /** Whether to issue a new credential before the current one expires, so that the session can outlast it. A single command cannot. */
  readonly renews: boolean;
  /** Whether the sandbox outlives this process. */
  readonly keep?: boolean;
  /** Runs before the mount, e.g. to install Mesa in a stock image. */
  readonly prepare?: (sandbox: SandboxInstance) => Promise<void>;
}

/** The result of a command. */
export interface Outcome {
  /** 128 + n if signal n killed it. */
  readonly exitCode: number;
  /** Set if the mount broke while the command ran: writes may be lost, whatever the exit code. */
  readonly broken: Failure | undefined;
}

/** A sandbox with proven mounts. */
export interface OpenSandbox {
  readonly name: string;
  /** Path of the first repository in the sandbox. */
  readonly path: string;
  /** Paths by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  /** The bookmarks created for `branch`; they outlive the sandbox. */
  readonly branches: readonly Branch[];
  /** Expiry of the credential in use, ISO 8601. */
  readonly credentialEndsAt: string;
  /** The SDK's own object. */
  readonly sandbox: SandboxInstance;
  /**
   * Flushes and mounts again with a new credential, once no command runs; commands that start meanwhile wait.
   * @throws Failure MOUNT_…, see openMesaSandbox; the next command retries
   */
  remount(): Promise<void>;
  /**
   * Unmounts, revokes the credential, deletes the sandbox. Never throws: returns a sentence for each thing that could not be cleaned up
   * (also sent as events). Repeated calls do nothing.
   */
  close(): Promise<readonly string[]>;
}

/** An open sandbox that runs commands. */
export interface Session extends OpenSandbox {
  /**
   * Runs a command in the first repository, on a working mount: proves it again after a standby, and mounts again if it broke. Also checks
   * the mount afterwards, before any remount, because a command may not notice that its mount broke.
   * @param interrupt ends this command alone
   * @throws Failure CREDENTIAL_ENDING if it was stopped in time to flush its writes; see runAndFollow and mountAndProve
   */
  run(command: Omit<CommandRun, "cwd">, interrupt?: AbortSignal): Promise<Outcome>;
}

/**
 * Creates a sandbox with Mesa mounted and proven. On failure, removes everything created so far before it throws; reports what could not be
 * removed as an event.
 * @throws Failure naming which of Blaxel, API, gRPC, FUSE and credential failed
 */
export async function openSession(host: Host, request: SessionRequest): Promise<Session> {
  const { mesaVersion, image, renews, ttlSeconds = 3600 } = request;
  const emit = (event: SessionEvent): void => {
    try {
      request.onEvent?.(event);
    } catch {
      // A listener's fault must not stop the clean-up.
    }
  };
  const named = orgOfMounts(request.mounts);
  if (request.user !== undefined) checkUserName(request.user);
  const access = requireMesaAccess(host.env, mesaVersion, named);
  const { org } = access;
  let mounts = placeMounts(mesaVersion, org, request.mounts);
  checkTtl(access, mesaVersion, ttlSeconds);
  const api = mesaApi(host, access);
  const name = `mesa-run-${host.runId}`;
  const created: CreatedParts = { name, access, keyIds: [], unused: [] };
  let closing: Promise<Leftovers> | undefined;
  let held: HeldMount | undefined;
  const close = async (): Promise<Leftovers> => {
    emit({ type: "closing", name });
    await held?.release();
    const leftovers = await cleanUp(host, created);
    for (const message of leftovers) emit({ type: "left-over", name, message });
    if (leftovers.length === 0) emit({ type: "closed", name, revoked: created.keyIds.length > 0 });
    return leftovers;
  };
  const dockerConfig = await loginToImport(host, image);
  const repos = await findRepos(api, org, mounts, request.createRepos ?? false);
  let issued = 0;
  const issue = async (): Promise<SandboxCredential> => {
    issued += 1;
    const keyName = issued === 1 ? name : `${name}-${String(issued)}`;
    const credential = await issueCredential(host, access, {
      version: mesaVersion,
      // A kept sandbox outlives this process, so its credential carries no mark of it.
      name: request.keep === true ? keyName : temporaryMesaName(keyName),
      repos,
      seconds: ttlSeconds,
    });
    if (credential.keyId !== undefined) created.keyIds.push(credential.keyId);
    return credential;
  };
  const planFor = (credential: SandboxCredential): MountPlan =>
    mountPlan({
      version: mesaVersion,
      access,
      mounts,
      credential: credential.value,
      base: `/tmp/mesa-${host.runId}`,
    });
  try {
    mounts = await makeBranches(api, org, mounts, name, (branch) => {
      created.unused.push(branch);
    });
    const branches = [...created.unused];
    const credential = await issue();
    emit({ type: "creating", name, image });
    const clearing = removeLeftSandboxes(host).then((found) =>
      found ? removeLeftInMesa(host, access) : undefined,
    );
    const wanted: SandboxRequest = {
      name,
      image,
      dockerConfig,
      memoryMegabytes: request.memoryMegabytes ?? 4096,
      ttl: `${String(Math.ceil(ttlSeconds / 60) + 10)}m`,
      keep: request.keep,
      whileUsed: renews,
      region: request.region,
      labels: { [SANDBOX_LABEL]: "run", [ORG_LABEL]: labelValue(org) },
    };
    created.temporary = temporarySandbox(host, wanted, clearing, request.createLimitMs);
    const whole = await created.temporary.ready();
    await request.prepare?.(whole);
    const sandbox = request.user === undefined ? whole : await asUser(host, whole, request.user);
    let plan = planFor(credential);
    const { paths } = plan;
    const pathOf = (mount: RepoMount | undefined): string => `${plan.mountPoint}${mount?.path ?? ""}`;
    const path = pathOf(mounts[0]);
    // Writing proves more than reading.
    const writable = mounts.find(({ entry }) => entry.mode === "rw");
    const proven = { path: pathOf(writable ?? mounts[0]), write: writable !== undefined };
    const mount = async (): Promise<void> => {
      created.mounted = { sandbox, plan };
      await mountAndProve(host, sandbox, { plan, ...proven });
    };
    const broken = (when: "before" | "after"): Promise<Failure | undefined> =>
      brokenMount(host, sandbox, { plan, ...proven }, when);
    /** Revokes all credentials except the current one; closing the session retries failures. */
    const revokeOlder = async (inUse: SandboxCredential): Promise<void> => {
      for (const keyId of created.keyIds.filter((one) => one !== inUse.keyId)) {
        await api.revokeKey(keyId).then(
          () => created.keyIds.splice(created.keyIds.indexOf(keyId), 1),
          () => undefined,
        );
      }
    };
    emit({ type: "mounting", name });
    await mount();
    const mounted = holdMount<SandboxCredential>(host.clock, credential, renews, {
      issue,
      async swap(next, reason) {
        await awake(host, sandbox);
        const state = reason === "broken" ? "broken" : "works";
        const lost = await flush(host, { sandbox, plan }, REMOUNT_FLUSH_MS, state);
        for (const message of lost) emit({ type: "warning", name, message });
        plan = planFor(next);
        await mount();
        await revokeOlder(next);
        emit({ type: "remounted", name, reason, credentialEndsAt: isoTime(next.endsAt) });
      },
      async works() {
        await awake(host, sandbox);
        return (await broken("before")) === undefined;
      },
      ending: (lifetime) => endedInTime(lifetime, longestLife(access, mesaVersion)),
      onFailed: (error) => {
        const message = `the credential could not be renewed; retrying: ${host.redact(messageOf(error))}`;
        emit({ type: "warning", name, message });
      },
    });
    held = mounted;
    const commandsEndAt = isoTime(momentsOf(credential).endCommandsAt);
    emit({ type: "ready", name, path, credentialEndsAt: isoTime(credential.endsAt), commandsEndAt });
    created.unused.length = 0;
    let commands = 0;
    return {
      name,
      sandbox,
      path,
      paths,
      branches,
      get credentialEndsAt() {
        return isoTime(mounted.lifetime.endsAt);
      },
      run(command, interrupt = host.signal) {
        commands += 1;
        const runId = `${host.runId}-${String(commands)}`;
        return mounted.use(async (ending) => {
          const signal = AbortSignal.any([host.signal, interrupt, ending]);
          const exitCode = await runAndFollow({ ...host, runId, signal }, sandbox, { ...command, cwd: path });
          const failure = await broken("after");
          mounted.saw(failure === undefined);
          return { exitCode, broken: failure };
        });
      },
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

/** Opens a session, runs `use`, and always closes it; with `keep`, only if `use` failed. Reports its branches as events at the end. */
export async function withSession<T>(
  host: Host,
  request: SessionRequest,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(host, request);
  let kept = false;
  try {
    const result = await use(session);
    kept = request.keep === true;
    return result;
  } finally {
    if (!kept) await session.close();
    for (const branch of session.branches)
      request.onEvent?.({ type: "branch", name: session.name, ...branch });
  }
}
