import type { RenderedTemplate } from "../render/rendered";

/** Environment variable of every sandbox this program deploys; identifies it as ours. */
export const OWNERSHIP_VARIABLE = "MESA_TEMPLATE_INPUTS";

/** The mark: template and inputs, so that another deploy in between is recognized. */
export function markOf({
  template,
  inputsDigest,
}: Pick<RenderedTemplate, "template" | "inputsDigest">): string {
  return `${template}:${inputsDigest.replace(/^sha256:/u, "").slice(0, 16)}`;
}

/** Whether a sandbox carries this program's mark with other inputs. False if it hides its environment. */
export function isMarkedByAnother(
  envs: Readonly<Record<string, string>>,
  rendered: Pick<RenderedTemplate, "template" | "inputsDigest">,
): boolean {
  const mark = envs[OWNERSHIP_VARIABLE] ?? "";
  return /^[a-z0-9-]+:[0-9a-f]{16}$/u.test(mark) && mark !== markOf(rendered);
}
