import { expect } from "vitest";
import { loadUpstream } from "../../../src/lock/upstream";
import type { CheckResult } from "../../../src/smoke/report";
import { mesaTemplate, type Ran, type RunOptions } from "../program";

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

/** Runs a command for version 0.20.0 of one template on an engine. */
export function runOn(
  root: string,
  template: string,
  on: RunOptions,
  [command, ...more]: readonly [string, ...string[]],
): Promise<Ran> {
  return mesaTemplate([command, "0.20.0", ...more, "--template", template, "--root", root, "--json"], on);
}

/** Releases a template on an engine as far as smoke. Every check is to pass there, as every one does on Docker; none may be skipped. */
export async function releaseOn(root: string, template: string, on: RunOptions): Promise<void> {
  const ran = await runOn(root, template, on, ["release", "--no-deploy"]);
  expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
  const { results } = ran.json<{ results: readonly { readonly smoke: object }[] }>();
  expect(results.map(({ smoke }) => smoke)).toMatchObject([{ failed: 0, skipped: 0 }]);
}

/** The checks of a smoke run of one template. */
export function checksOf(ran: Ran): readonly CheckResult[] {
  const { results } = ran.json<{ results: readonly { readonly checks: readonly CheckResult[] }[] }>();
  return results.flatMap(({ checks }) => checks);
}
