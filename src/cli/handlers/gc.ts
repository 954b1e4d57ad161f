import { join } from "node:path";
import type { CommandContext, CommandHandler } from "../command";
import { findBl } from "../../blaxel/bl-program";
import { blaxelCredentials } from "../../blaxel/credentials";
import { platformThrough } from "../../blaxel/platform";
import { withBlSession } from "../../blaxel/run-bl";
import { INPUTS_LABEL } from "../../build/index";
import { connectEngine } from "../../docker/index";
import type { Manifest } from "../../manifest/entry";
import { readManifest, updateManifest } from "../../manifest/index";
import { readRetention, retentionPlan } from "../../manifest/retention";
import { messageOf } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { RUN_LABEL } from "../../support/host";

/** A container of a run that is older than this was left behind: no run takes so long, in ms. */
const LEFTOVER_MS = 3_600_000;

interface Removal {
  readonly what: "local image" | "leftover container" | "Blaxel image";
  readonly name: string;
  readonly why: string;
  readonly id?: string;
}

/** Local images that no kept version was made from, and containers of runs that left them. */
async function localRemovals(
  context: CommandContext,
  manifest: Manifest,
  keptInputs: ReadonlySet<string>,
): Promise<readonly Removal[]> {
  const engine = await connectEngine(context.host);
  const [images, containers] = await Promise.all([
    engine.images([INPUTS_LABEL]),
    engine.containers([RUN_LABEL]),
  ]);
  const known = new Set(Object.values(manifest.versions).map((entry) => entry.inputsDigest));
  return [
    ...images.flatMap((image): Removal[] => {
      const inputs = image.labels[INPUTS_LABEL] ?? "";
      if (!known.has(inputs) || keptInputs.has(inputs)) return [];
      return (image.tags.length === 0 ? [image.id] : image.tags).map((name) => ({
        what: "local image",
        name,
        why: "its version is not kept",
      }));
    }),
    // A younger one may belong to a release that is under way at this moment.
    ...containers
      .filter((container) => context.host.clock.now() - container.createdAtMs > LEFTOVER_MS)
      .map((container): Removal => ({
        what: "leftover container",
        name: container.id,
        why: "a run that was killed left it",
      })),
  ];
}

async function removeLocally(context: CommandContext, removal: Removal): Promise<void> {
  const engine = await connectEngine(context.host);
  if (removal.what === "leftover container") await engine.removeContainer(removal.name);
  else await engine.removeImage(removal.name);
}

export const run: CommandHandler = async (args, context) => {
  const { host, root } = context;
  const path = join(root, "dockerfiles/manifest.json");
  const manifest = await readManifest(path);
  const plan = retentionPlan(
    manifest,
    await readRetention(join(root, "templates/retention.toml")),
    host.clock.now(),
  );
  const kept = plan.filter((verdict) => verdict.keep);
  const going = plan.filter((verdict) => !verdict.keep);
  const keptImages = new Set(kept.map(({ entry }) => entry.deployment?.image));
  const local = await localRemovals(context, manifest, new Set(kept.map(({ entry }) => entry.inputsDigest)));
  const remote = going.flatMap(({ entry, why }): Removal[] =>
    entry.deployment === null || keptImages.has(entry.deployment.image)
      ? []
      : [{ what: "Blaxel image", name: entry.deployment.image, why, id: entry.id }],
  );
  const doIt = args.flag("yes") && !context.dryRun;
  const failures: { readonly name: string; readonly message: string }[] = [];
  const gone = new Set(going.filter(({ entry }) => entry.deployment === null).map(({ entry }) => entry.id));
  if (doIt) {
    for (const removal of local)
      await removeLocally(context, removal).catch((error: unknown) =>
        failures.push({ name: removal.name, message: messageOf(error) }),
      );
    if (remote.length > 0) {
      const [bl, credentials] = [await findBl(host), await blaxelCredentials(host)];
      await withBlSession(host, credentials, async (session) => {
        const platform = platformThrough(host, bl, session);
        for (const removal of remote) {
          try {
            await platform.deleteImage(removal.name);
            if (removal.id !== undefined) gone.add(removal.id);
          } catch (error) {
            // In use, says Blaxel: it stays, and so does the entry.
            failures.push({ name: removal.name, message: host.redact(messageOf(error)) });
          }
        }
      });
    }
    await updateManifest(host, path, (now) => ({
      ...now,
      versions: Object.fromEntries(
        Object.entries(now.versions).map(([id, entry]) => [
          id,
          gone.has(id) ? { ...entry, status: "removed" as const } : entry,
        ]),
      ),
    }));
  }
  const removals = [...local, ...remote];
  const word = doIt ? "removed" : "would be removed";
  const lines = removals.map((removal) => {
    const failure = failures.find((one) => one.name === removal.name);
    return failure === undefined
      ? `${removal.what} ${removal.name} ${word} (${removal.why})`
      : `${removal.what} ${removal.name} stays: ${failure.message}`;
  });
  return {
    exitCode: EXIT_CODES.done,
    json: {
      ok: true,
      dryRun: !doIt,
      removals,
      failures,
      kept: kept.map(({ entry, why }) => ({ id: entry.id, why })),
    },
    text: `${lines.length === 0 ? "Nothing to remove." : lines.join("\n")}\n${doIt || removals.length === 0 ? "" : "This was a dry run; --yes does it.\n"}`,
  };
};
