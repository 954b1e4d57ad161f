import { Failure } from "../../support/errors";
import { outputLines } from "../../support/text/output-lines";

interface Diagnosis {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

/** A diagnosis by the messages of the daemon. */
interface SaidByDaemon extends Diagnosis {
  readonly pattern: RegExp;
}

const REFUSED: SaidByDaemon = {
  pattern: /http 401|code: 'The request does not have valid authentication/u,
  code: "MOUNT_CREDENTIAL",
  what: "credential: invalid or expired",
  hint: "It may have expired or been revoked; raise its lifetime with --ttl.",
};

const BY_TEXT: readonly SaidByDaemon[] = [
  {
    pattern: /user_allow_other|option allow_other only allowed/u,
    code: "MOUNT_ALLOW_OTHER",
    what: "FUSE: only root may mount for other users",
    hint: "Add the line user_allow_other to /etc/fuse.conf in the image; templates have it.",
  },
  {
    pattern: /\/dev\/fuse: Permission denied/u,
    code: "MOUNT_FUSE_DENIED",
    what: "FUSE: /dev/fuse is only for root",
    hint: "chmod 666 /dev/fuse when the sandbox starts; the templates' entrypoint does so where it can.",
  },
  {
    pattern:
      /device not found|No such device|failed to open \/dev\/fuse|fusermount3?: mount failed|modprobe fuse/u,
    code: "MOUNT_NO_FUSE",
    what: "FUSE: the sandbox cannot mount",
    hint: "The sandbox has no usable /dev/fuse; mesa-template smoke shows what the image lacks.",
  },
  {
    pattern: /already exists and is not empty/u,
    code: "MOUNT_NOT_EMPTY",
    what: "the mount path is not empty",
    hint: "Something was left at the mount path; use a fresh sandbox.",
  },
  REFUSED,
  {
    pattern: /http 403|\(403\)|lacks the scope/u,
    code: "MOUNT_CREDENTIAL",
    what: "credential: it lacks the permission",
    hint: "Use --write for a command that writes.",
  },
  {
    pattern: /error sending request for url/u,
    code: "MOUNT_API",
    what: "API: the sandbox cannot reach Mesa's API",
    hint: "Check that the sandbox may connect to Mesa's API (egress rules, MESA_API_URL).",
  },
  {
    pattern: /service is currently unavailable|resolve_rev/u,
    code: "MOUNT_GRPC",
    what: "gRPC: Mesa's content service is not responding",
    hint: "Check that the sandbox may connect to Mesa's vcs host, and Mesa's status.",
  },
  {
    pattern: /repo '[^']+' not found/u,
    code: "MOUNT_REPO",
    what: "API: the repository does not exist",
    hint: "Check the name, or create it with --create-repo.",
  },
];

const BY_EXIT: Readonly<Record<number, Diagnosis>> = {
  41: { code: "MOUNT_REFUSED", what: "mesa itself refused", hint: "Read its message above." },
  42: {
    code: "MOUNT_MISSING",
    what: "mesa reported success, but there is no mount",
    hint: "The daemon exited or never mounted; see its log above.",
  },
  43: {
    code: "MOUNT_REPO",
    what: "the mount exists, but the repository does not",
    hint: "Check its name and the credential's permissions.",
  },
  44: {
    code: "MOUNT_READ_ONLY",
    what: "the repository cannot be written",
    hint: "The mount is read-only, or the credential lacks write permission. Use --read-only if reading is enough.",
  },
  45: {
    code: "MOUNT_WRONG_BYTES",
    what: "a written file comes back changed",
    hint: "Do not use it; report it to Mesa.",
  },
  46: {
    code: "MOUNT_DIED",
    what: "Mesa's daemon died, the mount is gone",
    hint: "See its log above. Try again, and report it to Mesa if it happens again.",
  },
  49: {
    code: "MOUNT_SILENT",
    what: "the mount is not responding",
    hint: "Its connection to Mesa is dead, as after a standby: mount again, which sandbox shell and the library do by themselves.",
  },
  48: {
    code: "MOUNT_HANGS",
    what: "mesa does not return",
    hint: "On Alpine it needs gcompat: under libc6-compat it hangs. mesa-template smoke shows what the image lacks.",
  },
};

const ENDED: Diagnosis = {
  code: "CREDENTIAL_ENDED",
  what: "the credential expired or was revoked",
  hint: "Later writes did not reach Mesa. Raise its lifetime with --ttl, and check whether it was revoked.",
};

/**
 * Which of API, gRPC, FUSE and credential failed, from a mount script's exit code and the daemon's messages.
 * @param phase mount: while mounting; run: after the proof, around a command
 */
export function mountFailure(exitCode: number, output: string, phase: "mount" | "run"): Failure {
  // A lost mount takes precedence over all messages; for everything else the daemon's messages are more precise.
  const said = exitCode === 46 ? undefined : BY_TEXT.find(({ pattern }) => pattern.test(output));
  const unknown = {
    code: "MOUNT_FAILED",
    what: `the mount script exited with ${String(exitCode)}`,
    hint: "Read the output above.",
  };
  const found = said ?? BY_EXIT[exitCode] ?? unknown;
  const diagnosis = phase === "run" && said === REFUSED ? ENDED : found;
  return new Failure({
    code: diagnosis.code,
    kind: "deploy",
    message: `${phase === "run" ? "The mount broke while the command ran" : "Mesa could not be mounted"}: ${diagnosis.what}.`,
    log: outputLines(output, 20),
    hint: diagnosis.hint,
  });
}
