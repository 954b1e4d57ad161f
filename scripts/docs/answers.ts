import * as z from "zod/mini";
import { imageSchema } from "../../src/build/image";
import { vulnerabilitySchema } from "../../src/build/scan";
import {
  deploymentSchema,
  entrySchema,
  moveSchema,
  smokeSchema,
  verificationSchema,
} from "../../src/manifest/entry";
import { lockSchema } from "../../src/lock/lock";
import { stagesOf } from "../../src/support/events";

/** Names of shapes that several answers share. */
export const shapes = z.registry<{ id: string }>();

function named<Schema extends z.ZodMiniType>(id: string, schema: Schema): Schema {
  shapes.add(schema, { id });
  return schema;
}

const text = z.string();
const number = z.number();
const flag = z.boolean();
const texts = z.array(text);
const ok = z.literal(true);
const status = named("Status", entrySchema.shape.status);
const stage = named("Stage", z.enum(stagesOf(true)));

const error = named(
  "Error",
  z.strictObject({
    code: text,
    message: text,
    template: z.optional(text),
    hint: z.nullable(text),
    cause: z.nullable(text),
    log: texts,
  }),
);
const deployment = named("Deployment", deploymentSchema);
const verification = named("Verification", verificationSchema);
const image = named("Image", entrySchema.shape.image);
const smoke = named("Smoke", smokeSchema);
const version = named(
  "Version",
  z.extend(entrySchema, { deployment: z.nullable(deployment), verification: z.nullable(verification) }),
);
const move = named("Move", moveSchema);
const moves = z.array(move);
const check = named(
  "Check",
  z.strictObject({
    name: text,
    outcome: z.enum(["passed", "failed", "skipped"]),
    durationMs: number,
    seen: z.optional(text),
    hint: z.optional(text),
    expected: z.optional(text),
    file: z.optional(text),
    line: z.optional(number),
  }),
);
const counts = { passed: number, failed: number, skipped: number, durationMs: number };
named("LockedImage", lockSchema.shape.base);
const lock = named("Lock", lockSchema);
const change = named("Change", z.strictObject({ name: text, from: z.nullable(text), to: z.nullable(text) }));
const sides = z.strictObject({ from: number, to: number });
const layer = named("Layer", z.strictObject({ createdBy: text, sizeBytes: number, fromBase: flag }));
const time = z.nullable(z.strictObject({ outcome: text, durationMs: number }));
const generation = z.strictObject({ name: text, forPeople: text });
const comparison = named(
  "Comparison",
  z.strictObject({
    from: text,
    to: text,
    inputs: z.array(change),
    generation: z.nullable(z.strictObject({ from: generation, to: generation })),
    rendered: z.array(z.strictObject({ file: text, patch: text })),
    built: z.nullable(
      z.strictObject({
        packages: z.array(change),
        files: z.strictObject({
          added: texts,
          removed: texts,
          changed: z.array(z.strictObject({ path: text, from: text, to: text })),
          setuid: z.strictObject({ added: texts, removed: texts }),
        }),
        environment: z.array(change),
        config: z.array(change),
        sizeBytes: sides,
        layers: z.strictObject({ from: z.array(layer), to: z.array(layer) }),
        smoke: z.array(z.strictObject({ name: text, from: time, to: time })),
      }),
    ),
  }),
);
const comparisons = z.array(comparison);
const channels = z.record(text, z.record(text, text));
const value = z.strictObject({ value: text, date: z.nullable(text) });

const templateResult = named(
  "TemplateResult",
  z.strictObject({
    template: text,
    id: z.nullable(text),
    status,
    upToDate: flag,
    since: z.optional(text),
    stages: z.array(
      z.strictObject({
        stage,
        outcome: z.enum(["done", "reused", "skipped", "failed"]),
        durationMs: number,
      }),
    ),
    image: z.nullable(image),
    smoke: z.nullable(smoke),
    deployment: z.nullable(deployment),
    verification: z.nullable(verification),
    error: z.optional(error),
  }),
);
const released = z.strictObject({ ok: flag, results: z.array(templateResult), error: z.optional(error) });
const planned = z.strictObject({
  ok,
  dryRun: ok,
  plans: z.array(
    z.strictObject({
      template: text,
      id: z.nullable(text),
      upToDate: flag,
      steps: z.array(z.strictObject({ stage, action: z.enum(["do", "reuse", "skip"]), why: text })),
    }),
  ),
});

/** What each command prints with --json when it did what it does; a command with several shapes has each of them with a name. */
export const ANSWERS: Readonly<Record<string, Readonly<Record<string, z.ZodMiniType>>>> = {
  release: { "": released, "with --dry-run": planned },
  deploy: { "": released, "with --dry-run": planned },
  lock: {
    "": z.strictObject({
      ok: flag,
      results: z.array(
        z.strictObject({
          template: text,
          outcome: z.enum(["locked", "relocked", "unchanged", "kept", "would-lock", "failed"]),
          path: text,
          lock: z.optional(lock),
          error: z.optional(error),
        }),
      ),
      error: z.optional(error),
    }),
    "with --check": z.strictObject({
      ok: flag,
      results: z.array(
        z.strictObject({
          template: text,
          mesaVersion: text,
          path: text,
          problems: z.array(z.strictObject({ problem: text, message: text })),
        }),
      ),
      error: z.optional(error),
    }),
  },
  render: {
    "": z.strictObject({
      ok: flag,
      results: z.array(
        z.strictObject({
          template: text,
          mesaVersion: text,
          folder: text,
          inputsDigest: text,
          differing: texts,
        }),
      ),
      error: z.optional(error),
    }),
  },
  build: {
    "": z.strictObject({
      ok,
      results: z.array(
        z.strictObject({
          template: text,
          outcome: z.enum(["done", "reused"]),
          image: imageSchema,
        }),
      ),
    }),
  },
  smoke: {
    "": z.strictObject({
      ok: flag,
      results: z.array(
        z.strictObject({
          template: text,
          subject: z.enum(["container", "sandbox"]),
          ...counts,
          checks: z.array(check),
        }),
      ),
      error: z.optional(error),
    }),
  },
  verify: {
    "": z.strictObject({
      ok,
      results: z.array(z.strictObject({ id: text, status, ...counts, checks: z.array(check) })),
    }),
    "with --attestations": z.strictObject({
      ok,
      results: z.array(
        z.strictObject({
          id: text,
          signedBy: text,
          image: text,
          predicates: z.record(text, z.unknown()),
          dirty: flag,
        }),
      ),
    }),
  },
  list: { "": z.strictObject({ ok, workspace: z.nullable(text), versions: z.array(version), channels }) },
  show: { "": z.strictObject({ ok, workspace: z.nullable(text), version, channels: texts }) },
  resolve: { "": z.strictObject({ ok, ref: text, image: text, workspace: z.nullable(text), version }) },
  promote: { "": z.strictObject({ ok, channel: text, ids: texts, moves, dryRun: flag }) },
  rollback: { "": z.strictObject({ ok, channel: text, moves, dryRun: flag }) },
  revoke: {
    "": z.strictObject({
      ok,
      id: text,
      reason: text,
      alreadyRevoked: flag,
      channels: texts,
      moves,
      dryRun: flag,
    }),
  },
  unrevoke: { "": z.strictObject({ ok, id: text, reason: text, status, dryRun: flag }) },
  channels: {
    "": z.strictObject({ ok, channels }),
    "with --delete": z.strictObject({ ok, channel: text, moves, dryRun: flag }),
  },
  history: { "": z.strictObject({ ok, history: moves }) },
  report: {
    "": z.strictObject({
      ok,
      file: text,
      bytes: number,
      drift: z.optional(z.array(z.strictObject({ id: text, differs: texts, notCompared: texts }))),
    }),
  },
  outdated: {
    "": z.strictObject({
      ok,
      outdated: z.array(
        z.strictObject({
          template: text,
          mesaVersion: text,
          input: text,
          name: text,
          current: value,
          newest: value,
          needsFirst: z.optional(text),
        }),
      ),
    }),
  },
  upgrade: {
    "": z.strictObject({
      ok,
      version: text,
      plans: comparisons,
      branch: z.nullable(text),
      commit: z.nullable(text),
    }),
    "with --deploy": z.extend(released, { version: text, plans: comparisons }),
    "when the new version was not proven": released,
  },
  diff: { "": z.strictObject({ ok, comparisons }) },
  notes: {
    "": z.strictObject({
      ok,
      notes: z.array(z.strictObject({ id: text, since: z.nullable(text), markdown: text })),
    }),
  },
  drift: {
    "": z.strictObject({
      ok,
      drift: flag,
      findings: z.array(
        z.strictObject({ comparison: text, id: text, differs: texts, skipped: z.optional(text) }),
      ),
    }),
  },
  scan: {
    "": z.strictObject({
      ok,
      versions: z.array(
        z.strictObject({
          id: text,
          scanner: text,
          before: z.nullable(text),
          found: number,
          new: z.array(vulnerabilitySchema),
        }),
      ),
    }),
  },
  "sandbox run": {
    "": z.strictObject({
      ok: flag,
      exitCode: number,
      stdout: text,
      stderr: text,
      image: text,
      leftovers: texts,
      branches: z.optional(z.array(z.strictObject({ repo: text, bookmark: text, into: text }))),
      kept: z.optional(z.strictObject({ name: text, path: text, until: text })),
      error: z.optional(error),
    }),
  },
  "sandbox merge": {
    "": z.strictObject({ ok, repo: text, bookmark: text, into: text, merged: z.boolean() }),
  },
  "sandbox bootstrap": {
    "": z.strictObject({
      ok,
      sandbox: text,
      mesaVersion: text,
      steps: z.array(z.strictObject({ name: text, outcome: z.enum(["done", "already"]) })),
    }),
  },
  "sandbox clean": {
    "": z.strictObject({
      ok: flag,
      dryRun: flag,
      sandboxes: texts,
      keys: texts,
      repos: texts,
      notLookedFor: texts,
      error: z.optional(error),
    }),
  },
  matrix: { "": z.strictObject({ include: z.array(z.strictObject({ template: text, version: text })) }) },
  "manifest check": {
    "": z.strictObject({
      ok: flag,
      versions: number,
      problems: z.array(z.strictObject({ problem: text, where: text, message: text, path: texts })),
      error: z.optional(error),
    }),
  },
  "manifest merge": { "": z.strictObject({ ok, manifest: text, versions: number }) },
  doctor: {
    "": z.strictObject({
      ok: flag,
      findings: z.array(z.strictObject({ name: text, ok: flag, seen: text, todo: z.optional(text) })),
      error: z.optional(error),
    }),
  },
  init: {
    "": z.strictObject({
      ok,
      dryRun: flag,
      dir: text,
      files: z.array(z.strictObject({ path: text, outcome: text })),
    }),
  },
  gc: {
    "": z.strictObject({
      ok: flag,
      dryRun: flag,
      removals: z.array(
        z.strictObject({
          what: text,
          name: text,
          why: text,
          outcome: text,
          id: z.optional(text),
          workspace: z.optional(text),
          message: z.optional(text),
        }),
      ),
      kept: z.array(z.strictObject({ id: text, why: text })),
      notLookedAt: z.optional(text),
      error: z.optional(error),
    }),
  },
  completion: { "": z.strictObject({ ok, shell: text, script: text }) },
};

/** The answer of a command that failed as a whole. */
export const FAILED = z.strictObject({ ok: z.literal(false), error });

/** The lines of --events. */
const stamped = { schemaVersion: z.literal(1), time: text };
export const EVENTS = [
  z.strictObject({
    ...stamped,
    type: z.literal("release-started"),
    version: text,
    templates: texts,
    publishes: z.optional(flag),
  }),
  z.strictObject({ ...stamped, type: z.literal("stage-started"), template: text, stage }),
  z.strictObject({ ...stamped, type: z.literal("stage-progress"), template: text, stage, message: text }),
  z.strictObject({
    ...stamped,
    type: z.literal("stage-finished"),
    template: text,
    stage,
    outcome: z.enum(["done", "reused", "skipped", "failed"]),
    durationMs: number,
    message: z.optional(text),
  }),
  z.strictObject({ ...stamped, type: z.literal("release-finished"), ok: flag, upToDate: z.optional(flag) }),
  z.strictObject({
    ...stamped,
    type: z.enum(["note", "warning"]),
    template: z.optional(text),
    message: text,
  }),
] as const;
