import type { RenderedTemplate } from "../render/rendered";

/** Environment variable of every sandbox this program deploys: how it knows its own again. */
export const OWNERSHIP_VARIABLE = "MESA_TEMPLATE_INPUTS";

/** The mark's value: template and inputs, so that a deploy from other inputs in between is recognized. */
export function markOf({
  template,
  inputsDigest,
}: Pick<RenderedTemplate, "template" | "inputsDigest">): string {
  return `${template}:${inputsDigest.replace(/^sha256:/u, "").slice(0, 16)}`;
}

/** Whether a sandbox says that it was deployed by this program from other inputs. One that hides its environment says nothing. */
export function isMarkedByAnother(
  envs: Readonly<Record<string, string>>,
  rendered: Pick<RenderedTemplate, "template" | "inputsDigest">,
): boolean {
  const mark = envs[OWNERSHIP_VARIABLE] ?? "";
  return /^[a-z0-9-]+:[0-9a-f]{16}$/u.test(mark) && mark !== markOf(rendered);
}
