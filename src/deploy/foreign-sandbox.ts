import type { SandboxState } from "../blaxel/platform";
import { Failure } from "../support/errors";
import { OWNERSHIP_VARIABLE } from "./ownership-variable";

/** A sandbox that an earlier version was deployed to. */
export interface KnownSandbox {
  readonly sandbox: string;
  readonly deployedAt: string;
}

/**
 * Refuses to deploy over a sandbox that this program did not make, because a deploy resets it. The program's sandboxes carry a mark; if
 * Blaxel hides it, a sandbox older than an earlier deploy to that name also counts.
 * @param sent whether an earlier run of these inputs already sent something to that name
 * @throws Failure SANDBOX_NOT_OURS (exit 7)
 */
export function refuseForeignSandbox(
  sandbox: SandboxState | undefined,
  known: readonly KnownSandbox[],
  sent: boolean,
  adopt: boolean,
): void {
  if (sandbox === undefined || adopt || sent || OWNERSHIP_VARIABLE in sandbox.envs) return;
  const made = Date.parse(sandbox.createdAt ?? "");
  const ours = known.some(
    ({ sandbox: name, deployedAt }) => name === sandbox.name && !(made > Date.parse(deployedAt)),
  );
  if (ours) return;
  throw new Failure({
    code: "SANDBOX_NOT_OURS",
    kind: "deploy",
    message: `The sandbox ${sandbox.name} (${sandbox.status}) already exists, and this program did not make it. Deploying would reset it.`,
    hint: "Choose another name ([sandbox] name in template.toml), or allow the reset with --adopt.",
  });
}
