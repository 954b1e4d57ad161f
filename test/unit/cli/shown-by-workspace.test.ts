import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ManifestEntry } from "../../../src/manifest/entry";
import { readManifest } from "../../../src/manifest/index";
import { releaseTemplate } from "../../../src/release/apply";
import { MOUNT_CHECK } from "../../../src/smoke/check";
import { paths } from "../../../src/support/files/paths";
import { GOOD, ModelledWorld, TEMPLATE, VERSION, type Behaviour } from "../release/fixture/modelled-world";
import { requestFor, runIn } from "../release/fixture/request";
import { runMain } from "./fixture/run-main";

const ID = `${TEMPLATE}@${VERSION}-1`;

describe("a version that is in two workspaces, in one of them without a mount", () => {
  const world = new ModelledWorld();
  let entry: ManifestEntry;
  const release = async (behaviour: Behaviour, allowSkipped: boolean): Promise<void> => {
    const request = requestFor({ templates: [TEMPLATE], allowSkipped });
    await releaseTemplate(
      runIn(world.root, world.host(behaviour)),
      request,
      TEMPLATE,
      world.stages(behaviour),
    );
  };
  const image = (workspace: string): string => entry.deployments[workspace]?.image ?? "none";
  const said = async (line: string, workspace?: string): Promise<string> => {
    const named = workspace === undefined ? [] : ["--workspace", workspace];
    const ran = await runMain([...line.split(" "), "--root", world.root, ...named], { HOME: world.root });
    expect(ran.code, ran.stderr).toBe(0);
    return ran.stdout;
  };

  beforeAll(async () => {
    await release(GOOD, false);
    // Deployed a week later.
    world.clock += 7 * 86_400_000;
    await release({ ...GOOD, workspace: "prod", mesa: false }, true);
    world.clock -= 7 * 86_400_000;
    const { versions } = await readManifest(paths(world.root).manifest);
    const found = versions[ID];
    if (found === undefined) throw new Error(`${ID} is not recorded`);
    entry = found;
  });
  afterAll(() => {
    world.end();
  });

  it("list: the workspace in use, or all by name; what was skipped", async () => {
    const staging = await said("list", "staging");
    expect(staging).toContain(image("staging"));
    expect(staging).not.toContain(image("prod"));
    expect(staging).not.toContain("skipped");
    const prod = await said("list", "prod");
    expect(prod).toMatch(/verified \(1 skipped\)/u);
    expect(prod).toContain(image("prod"));
    expect(prod).not.toContain(image("staging"));
    const both = await said("list");
    expect(both).toContain(`${image("staging")} (staging)`);
    expect(both).toContain(`${image("prod")} (prod)`);
    expect(await said("list", "elsewhere")).toMatch(/ smoked .* -\n$/u);
  });

  it("show: what was skipped in which, by name", async () => {
    const shown = await said(`show ${ID}`);
    expect(shown).toMatch(
      new RegExp(`${image("prod")} in prod.*\\nverified .*1 skipped \\(${MOUNT_CHECK}\\)`, "u"),
    );
    expect(shown).toMatch(new RegExp(`${image("staging")} in staging.*\\nverified .*0 skipped in`, "u"));
  });

  it("notes: the image to use there", async () => {
    expect(await said(`notes ${ID}`, "staging")).toContain(`Use it as \`${image("staging")}\`.`);
    expect(await said(`notes ${ID}`, "prod")).toContain(`Use it as \`${image("prod")}\`.`);
    expect(await said(`notes ${ID}`)).toContain(
      `Use it as \`${image("prod")}\` (prod), \`${image("staging")}\` (staging).`,
    );
    expect(await said(`notes ${ID}`, "elsewhere")).not.toContain("Use it as");
  });

  it("report: all workspaces, by name, whichever is in use", async () => {
    const file = join(world.root, "report.html");
    for (const workspace of ["prod", "elsewhere"]) {
      await said(`report --no-drift --output ${file}`, workspace);
      const page = readFileSync(file, "utf8");
      for (const name of ["staging", "prod"]) expect(page).toContain(`${image(name)} (${name})`);
    }
  });
});
