import { loadUpstream } from "../../src/lock/upstream";
import type { CheckResult } from "../../src/smoke/report";
import { mesaTemplate, type Ran, type RunOptions } from "./program";

interface Smoked {
  readonly results: readonly { readonly template: string; readonly checks: readonly CheckResult[] }[];
}

/** Outcomes and names of all checks, by template; of a failed one also what was seen. */
export function outcomes(ran: Ran): readonly (readonly [string, readonly string[]])[] {
  return ran
    .json<Smoked>()
    .results.map(({ template, checks }) => [
      template,
      checks.map(
        ({ name, outcome, seen }) => `${outcome} ${name}${outcome === "failed" ? `: ${seen ?? ""}` : ""}`,
      ),
    ]);
}

/** The world's registry, host:port, as its upstream names it: where another engine is to pull from. */
export async function registryOfWorld(): Promise<string> {
  const { mirrors } = await loadUpstream(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "");
  return (mirrors.images ?? "").replace(/\/$/u, "");
}

/** What doctor sees, by the name of what it looks at. */
export async function seenByDoctor(on: RunOptions): Promise<ReadonlyMap<string, string>> {
  const { findings } = (await mesaTemplate(["doctor", "--json"], on)).json<{
    findings: readonly { readonly name: string; readonly seen: string }[];
  }>();
  return new Map(findings.map(({ name, seen }) => [name, seen]));
}

/** Releases both templates on an engine as far as smoke. */
export function releaseOn(root: string, on: RunOptions): Promise<Ran> {
  return mesaTemplate(["release", "0.20.0", "--no-deploy", "--root", root, "--json"], on);
}

/** Runs the smoke checks of what was released on an engine. */
export function smokeOn(root: string, on: RunOptions = {}): Promise<Ran> {
  return mesaTemplate(["smoke", "0.20.0", "--root", root, "--json"], on);
}
