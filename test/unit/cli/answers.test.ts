import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ZodMiniType } from "zod/mini";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ANSWERS, EVENTS, FAILED } from "../../../scripts/docs/answers";
import { outcome } from "../../../src/cli/handlers/release";
import { releaseAll } from "../../../src/release/release";
import type { ReleaseRequest } from "../../../src/release/request";
import type { ReleaseEvent } from "../../../src/support/events";
import { GOOD, ModelledWorld, TEMPLATE, VERSION, type Behaviour } from "../release/fixture/modelled-world";
import { requestFor, runIn } from "../release/fixture/request";
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

/** A release in a modelled world: its events, and its answer. */
async function release(behaviour: Partial<Behaviour>, changes: Partial<ReleaseRequest>) {
  const world = new ModelledWorld();
  try {
    const how = { ...GOOD, ...behaviour };
    const events: ReleaseEvent[] = [];
    const host = { ...world.host(how), emit: (event: ReleaseEvent) => events.push(event) };
    const request = requestFor({ version: VERSION, templates: [TEMPLATE], ...changes });
    const results = await releaseAll(runIn(world.root, host), request, world.stages(how));
    const { errors = [], json } = outcome(results);
    return { events, answer: { ok: errors.length === 0, ...json } };
  } finally {
    world.end();
  }
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

  it.each<[string, Partial<Behaviour>, Partial<ReleaseRequest>]>([
    ["built by Blaxel", {}, {}],
    ["pushed to a registry", {}, { registry: "registry.example.com/acme" }],
    ["not deployed", {}, { deploy: false }],
    ["refused by Blaxel", { deploy: "fails-late" }, {}],
    ["failed in smoke", { smoke: "failed" }, {}],
  ])("is what a release prints and writes to --events: %s", async (_what, behaviour, changes) => {
    const { events, answer: printed } = await release(behaviour, changes);
    const shown = JSON.parse(JSON.stringify(printed)) as unknown;
    expect(problems(ANSWERS["release"]?.[""], shown), JSON.stringify(shown)).toEqual([]);
    const unknown = events
      .map((event) => ({ schemaVersion: 1, time: "2026-01-01T00:00:00.000Z", ...event }))
      .filter((event) => EVENTS.filter((schema) => schema.safeParse(event).success).length !== 1);
    expect(unknown).toEqual([]);
  });
});
