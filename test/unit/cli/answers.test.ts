import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ZodMiniType } from "zod/mini";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ANSWERS, EVENTS, FAILED } from "../../../scripts/docs/answers";
import { workFolder } from "./fixture/built";
import { writeProject } from "./fixture/project";
import { runMain } from "./fixture/run-main";

const work = workFolder("answers");
const root = join(work.folder, "root");
const manifest = join(root, "dockerfiles/manifest.json");

beforeAll(() => {
  writeProject(root);
});
afterAll(work.remove);

function problems(schema: ZodMiniType | undefined, value: unknown): unknown {
  const parsed = schema?.safeParse(value);
  return parsed?.success === true ? [] : (parsed?.error.issues ?? "no such shape");
}

async function answer(line: string): Promise<unknown> {
  const { stdout } = await runMain([...line.split(" "), "--root", root, "--json"]);
  return JSON.parse(stdout);
}

describe("the JSON that docs/json.md shows", () => {
  it.each([
    ["list", "", "list"],
    ["show", "", "show debian@0.20.0-1"],
    ["show", "", "show debian@0.38.0-1"],
    ["resolve", "", "resolve debian@0.20.0-1"],
    ["promote", "", "promote 0.20.0 stable --dry-run"],
    ["promote", "", "promote 0.20.0 stable"],
    ["promote", "", "promote debian@0.26.0-1 stable --reason why"],
    ["rollback", "", "rollback stable --template debian"],
    ["channels", "", "channels"],
    ["channels", "with --delete", "channels --delete stable --template alpine"],
    ["history", "", "history stable"],
    ["revoke", "", "revoke debian@0.26.0-1 --reason why"],
    ["revoke", "", "revoke debian@0.26.0-1 --reason again"],
    ["unrevoke", "", "unrevoke debian@0.26.0-1 --reason why"],
    ["manifest check", "", "manifest check"],
    ["manifest merge", "", `manifest merge ${manifest}`],
    ["matrix", "", "matrix 0.20.0 0.26.0"],
    ["lock", "", "lock 0.20.0 --dry-run"],
    ["lock", "with --check", "lock --check"],
    ["lock", "with --check", "lock 0.20.0 --check"],
    ["render", "", "render --check"],
    ["report", "", "report --no-drift"],
    ["completion", "", "completion bash"],
    ["init", "", "init --dry-run"],
    ["release", "with --dry-run", "release 0.46.0 --no-deploy --dry-run --allow-skipped"],
  ])("is what the program prints: %s %s (%s)", async (command, when, line) => {
    const printed = await answer(line);
    expect(problems(ANSWERS[command]?.[when], printed), JSON.stringify(printed)).toEqual([]);
  });

  it.each(["show nothing", "promote stable", "rollback nothing", "relase", "release 0.20"])(
    "is what a failure prints: %s",
    async (line) => {
      expect(problems(FAILED, await answer(line))).toEqual([]);
    },
  );

  it("is what --events writes", async () => {
    const events = join(work.folder, "events.ndjson");
    await runMain(["promote", "0.20.0", "canary", "--root", root, "--events", events]);
    const lines = readFileSync(events, "utf8").trim().split("\n");
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines)
      expect(EVENTS.filter((schema) => schema.safeParse(JSON.parse(line)).success)).toHaveLength(1);
  });
});
