import type { CheckResult } from "../../src/smoke/report";
import type { Ran } from "./program";

interface Smoked {
  readonly results: readonly { readonly template: string; readonly checks: readonly CheckResult[] }[];
}

/** Names and outcomes of all checks of `smoke --json`, by template; with what was seen where one failed. */
export function outcomesOf(ran: Ran): unknown {
  return ran
    .json<Smoked>()
    .results.map(({ template, checks }) => [
      template,
      checks.map(
        ({ name, outcome, seen }) => `${outcome} ${name}${outcome === "failed" ? `: ${seen ?? ""}` : ""}`,
      ),
    ]);
}
