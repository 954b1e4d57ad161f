import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseStructureFile } from "../../../../src/smoke/structure/parse";
import type { EmitEvent } from "../../../../src/support/events";
import { optionVariables, type OptionVariables } from "../../../../src/smoke/structure/run-options";

const folder = mkdtempSync(join(tmpdir(), "run-options-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function given(
  options: string,
  env: Readonly<Record<string, string>> = {},
): Promise<OptionVariables & { readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const file = parseStructureFile(
    `schemaVersion: 2.0.0\ncommandTests: [{name: a, command: x}]\ncontainerRunOptions: ${options}\n`,
    "elsewhere/t.yaml",
  );
  const emit: EmitEvent = (event) => void warnings.push(event.type === "warning" ? event.message : "");
  const found = await optionVariables({ env, emit }, file);
  if (found === undefined) throw new Error("no options");
  return { ...found, warnings };
}

describe("the variables of containerRunOptions", () => {
  it("come from the env file, seen from the working directory, and then from this process", async () => {
    const path = join(folder, "vars.env");
    writeFileSync(path, "A=1\nEMPTY=\nB=2\n");
    const found = await given(`{envFile: ${relative(process.cwd(), path)}, envVars: [B, C]}`, {
      B: "b",
      C: "c",
    });
    expect(found.variables).toEqual([
      ["A", "1"],
      ["B", "2"],
      ["B", "b"],
      ["C", "c"],
    ]);
    expect([found.unset, found.warnings]).toEqual([[], []]);
  });

  it("are missing, with a warning, where the env file is missing or broken", async () => {
    const broken = join(folder, "broken.env");
    writeFileSync(broken, "A=1\nno statement\n");
    for (const path of [broken, join(folder, "nowhere.env")]) {
      const found = await given(`{envFile: ${path}}`);
      expect(found.variables).toEqual([]);
      expect(found.warnings).toEqual([expect.stringContaining(path)]);
    }
  });

  it("names what is empty or not set here", async () => {
    expect((await given("{envVars: [A, B, C]}", { A: "1", B: "" })).unset).toEqual(["B", "C"]);
  });
});
