import type { SandboxState } from "../blaxel/platform";
import { Failure } from "../support/errors";
import { OWNER_MARK } from "./send";

/**
 * Refuses to deploy over a sandbox that this program did not make: a deploy resets it.
 * @param known names that earlier versions were deployed to
 * @throws Failure SANDBOX_NOT_OURS (exit 7)
 */
export function refuseForeignSandbox(
  sandbox: SandboxState | undefined,
  known: readonly string[],
  adopt: boolean,
): void {
  if (sandbox === undefined || adopt || known.includes(sandbox.name) || sandbox.envNames.includes(OWNER_MARK))
    return;
  throw new Failure({
    code: "SANDBOX_NOT_OURS",
    kind: "deploy",
    message: `There is already a sandbox ${sandbox.name} (${sandbox.status}) that was not made by this program; deploying would reset it.`,
    hint: "Choose another name ([sandbox] name in template.toml), or give --adopt if it may be reset.",
  });
}
