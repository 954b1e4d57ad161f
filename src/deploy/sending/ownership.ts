import type { SandboxState } from "../../blaxel/platform";
import type { RenderedTemplate } from "../../render/rendered";
import { Failure } from "../../support/errors";
import { hexOf } from "../../support/text/digest";

/** Environment variable of every sandbox this program deploys; identifies it as ours. */
export const OWNERSHIP_VARIABLE = "MESA_TEMPLATE_INPUTS";

/** The mark: template and inputs, so that another deploy in between is recognized. */
export function markOf({
  template,
  inputsDigest,
}: Pick<RenderedTemplate, "template" | "inputsDigest">): string {
  return `${template}:${hexOf(inputsDigest).slice(0, 16)}`;
}

/**
 * Whether a sandbox was deployed by another: it carries this program's mark with other inputs, or none although Blaxel showed one before.
 * False if Blaxel hides the environment.
 */
export function isMarkedByAnother(
  envs: Readonly<Record<string, string>>,
  rendered: Pick<RenderedTemplate, "template" | "inputsDigest">,
  isShown = false,
): boolean {
  const mark = envs[OWNERSHIP_VARIABLE];
  if (mark === undefined) return isShown;
  return /^[a-z0-9-]+:[0-9a-f]{16}$/u.test(mark) && mark !== markOf(rendered);
}

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
