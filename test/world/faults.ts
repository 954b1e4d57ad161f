/** Everything the world can be told to do wrong, with what it does. The names are part of the world's contract. */
const FAULTS = {
  "build-fails": "Blaxel: the image build ends in FAILED, with a reason in its log",
  "build-never-starts": "Blaxel: the upload is taken, the status stays UPLOADING",
  "build-hangs": "Blaxel: the status stays BUILDING for ever (args.ms: for that long, then it goes on)",
  "upload-url-missing": "Blaxel: the answer to a deploy carries no upload URL",
  "upload-refused": "Blaxel: the upload URL answers 403",
  "upload-signed-headers": "Blaxel: upload URLs are signed for the x-amz-meta-… headers in args.names",
  "update-dropped": "Blaxel: an update of an existing sandbox is taken and silently ignored",
  "deployed-without-building": "Blaxel: the status goes to DEPLOYED without BUILDING ever being seen",
  "failed-left-over":
    "Blaxel: the status of an earlier deploy or push (FAILED, BUILT) is shown for a while (args.ms, default 3000)",
  "image-unchanged": "Blaxel: unchanged source: the same image, no new revision",
  "image-unclear":
    "Blaxel: the sandbox names its image without a tag (for args.ms after it was built); the list of tags is unordered and has a newest one, latest",
  "sandbox-unhealthy": "Blaxel: the sandbox says DEPLOYED, its API never answers",
  "sandbox-crash-loop": "Blaxel: the sandbox starts and ends, again and again",
  "sandbox-no-fuse": "Blaxel: sandboxes have no /dev/fuse",
  "sandbox-not-root":
    "Blaxel: sandboxes run as user 1000, /dev/fuse is open to it, and /etc/fuse.conf is empty",
  "create-hangs": "Blaxel: creating a sandbox is taken, and never answered",
  "edge-short":
    "Blaxel: the edge cuts off requests to a sandbox that take longer than args.ms to answer (default 2000; 60000 without this)",
  standby:
    "Blaxel: a sandbox that nobody asks for args.ms (default 1000) is frozen until the next request; no connection of its mounts to Mesa survives it (args.mode: cut, or hangs, default cut; args.sandbox: only this one)",
  archive:
    "Blaxel: a sandbox that nobody asks for args.ms (default 1000) is archived until the next request: its files stay, its processes are started anew (args.sandbox: only this one)",
  unauthorized: "Blaxel: 401 (args.method, args.path: only for requests like that)",
  forbidden: "Blaxel: 403 (args.method, args.path as above)",
  quota: "Blaxel: 400 with a quota message",
  "gateway-html": "Blaxel: 502 (or args.status) with an HTML page (args.method, args.path as above)",
  slow: "Blaxel: every answer takes args.ms longer (default 2000)",
  "bl-panics": "bl: a Go panic, exit 2",
  "bl-noise": "bl: text on stdout before the JSON",
  "bl-no-json": "bl: exit 0 without JSON",
  "bl-hangs":
    "bl: hangs for three minutes, as does a program that it has started (deploy and push, or the command that args.command names)",
  "bl-old": "bl: says it is version 0.1.90",
  "registry-down": "registry: connections are cut",
  "registry-unknown-tag": "registry: 404 for every manifest",
  "registry-token-refused": "registry: the token service answers 401",
  "registry-wrong-bytes": "registry: a manifest's bytes do not match its digest",
  "registry-push-refused":
    "registry: 403 (or args.status) for what writes (args.method, args.path: only for requests like that); args.cut: the connection is cut instead",
  "registry-push-slow": "registry: what writes takes args.ms longer (default 2000)",
  "registry-lies-about-digest": "registry: the digest in the headers of a pushed manifest is another one",
  "import-unauthorized": "Blaxel: the registry of an image refuses Blaxel",
  "import-gone": "Blaxel: the registry does not have the image any longer",
  "import-hangs": "Blaxel: an import stays BUILDING for ever (args.ms: for that long, then it goes on)",
  "import-shown-as-sent":
    "Blaxel: a sandbox that was made from a registry's image goes on naming that one, not sandbox/NAME:TAG",
  "apt-down": "apt: connections are cut",
  "apt-unsigned": "apt: no signature",
  "apt-wrong-key": "apt: signed with another key",
  "apt-expired-key": "apt: signed with a key that has expired",
  "apt-expired-index": "apt: Valid-Until is past",
  "apt-index-hash": "apt: Packages differs from the hash in Release",
  "apt-deb-hash": "apt: the .deb differs from the hash in Packages",
  "apt-deb-version": "apt: the .deb says another version than the index",
  "apt-downgraded": "apt: the index carries an older Date",
  "apt-http-redirect": "apt: redirects to another host over plain http",
  "mesa-api-down": "Mesa: REST connections are cut",
  "mesa-grpc-down": "Mesa: the content service is cut",
  "mesa-unauthorized": "Mesa: 401 for every credential",
  "mesa-scope": "Mesa: 403, the credential lacks the scope",
  "mesa-repo-missing": "Mesa: the repository is not found",
  "mesa-key-expires": "Mesa: keys made from now on expire at once (args.seconds, default 1)",
  "mesa-key-ends": "Mesa: 401 for every credential but an administrator's key, from now on",
  "mesa-revoke-fails": "Mesa: revoking a key answers 500",
  "mount-lies": "mesa: exit 0, no mount",
  "mount-not-empty": "mesa: something lies in the mount's folder when it is about to mount",
  "mount-dies": "mesa: the mount vanishes (args.ms after it was made, default 500), an empty folder stays",
  "mount-slow": "mesa: the mount appears late (args.ms, default 3000)",
  "mount-read-only": "mesa: the mount refuses writes",
  "mount-writes-late":
    "mesa: what was written is sent only when the mount is taken away, which takes args.ms (default 1500)",
} as const;

export type FaultName = keyof typeof FAULTS;
type FaultArgs = Readonly<Record<string, unknown>>;

export interface FaultBoard {
  /** All faults with what they do and whether they are on. */
  list(): readonly { name: FaultName; does: string; on: boolean; times: number | null; args: FaultArgs }[];
  /** Switches a fault on, for ever or for the next `times` occasions. False when the name is unknown. */
  on(name: string, times?: number, args?: FaultArgs): boolean;
  /** Switches one fault off, or all. */
  off(name?: string): void;
  /** On an occasion: the fault's arguments when it is on (and one of its `times` is used up), else undefined. */
  take(name: FaultName): FaultArgs | undefined;
  /** As take, but only when each of the facts that the fault's arguments name, too, begins as they say. */
  takeFor(name: FaultName, facts: Readonly<Record<string, string>>): FaultArgs | undefined;
  /** Whether it is on, without using up an occasion. */
  peek(name: FaultName): FaultArgs | undefined;
}

function isFault(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

/** A board with every fault off. */
export function createFaultBoard(): FaultBoard {
  const active = new Map<FaultName, { times: number | null; args: FaultArgs }>();
  return {
    list: () =>
      (Object.keys(FAULTS) as FaultName[]).map((name) => ({
        name,
        does: FAULTS[name],
        on: active.has(name),
        times: active.get(name)?.times ?? null,
        args: active.get(name)?.args ?? {},
      })),
    on(name, times, args = {}) {
      if (!isFault(name)) return false;
      active.set(name, { times: times ?? null, args });
      return true;
    },
    off(name) {
      if (name === undefined) active.clear();
      else if (isFault(name)) active.delete(name);
    },
    take(name) {
      const fault = active.get(name);
      if (fault === undefined) return undefined;
      if (fault.times !== null) {
        if (fault.times <= 1) active.delete(name);
        else active.set(name, { ...fault, times: fault.times - 1 });
      }
      return fault.args;
    },
    takeFor(name, facts) {
      const args = active.get(name)?.args ?? {};
      const fits = Object.entries(facts).every(
        ([key, value]) => typeof args[key] !== "string" || value.startsWith(args[key]),
      );
      return fits ? this.take(name) : undefined;
    },
    peek: (name) => active.get(name)?.args,
  };
}
