import type { CommandContext } from "../command";
import { inUse } from "../in-use";
import type { Manifest, ManifestEntry } from "../../manifest/entry";
import type { OpenDrift } from "../../manifest/report/extras";
import { COMPARISONS, findDrift } from "../../release/drift";
import { Failure, messageOf } from "../../support/errors";
import { paths } from "../../support/paths";

/** Drift of the versions in use. If a service is not responding, the report says so and omits that part. */
export async function openDrift(context: CommandContext, manifest: Manifest): Promise<readonly OpenDrift[]> {
  const found: OpenDrift[] = [];
  for (const entry of inUse(manifest, context.templates)) found.push(await driftOf(context, manifest, entry));
  return found;
}

async function driftOf(
  { host, root, upstream }: CommandContext,
  manifest: Manifest,
  entry: ManifestEntry,
): Promise<OpenDrift> {
  try {
    const findings = await findDrift(host, {
      root,
      upstreamPath: upstream ?? paths(root).upstream,
      manifest,
      entries: [entry],
    });
    return {
      id: entry.id,
      differs: findings.flatMap(({ differs }) => differs),
      notCompared: findings.flatMap(({ comparison, skipped }) =>
        skipped === undefined ? [] : [`${COMPARISONS[comparison]}: ${host.redact(skipped)}`],
      ),
    };
  } catch (error) {
    host.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    return { id: entry.id, differs: [], notCompared: [host.redact(messageOf(error))] };
  }
}
