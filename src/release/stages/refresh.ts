import type { Image } from "../../build/image";
import { compareVersions } from "../../compare/compare";
import { changeText } from "../../compare/text";
import { sealed, writeLock } from "../../lock/index";
import type { Lock } from "../../lock/lock";
import type { ManifestEntry } from "../../manifest/entry";
import type { Measured } from "../../record/record";
import { recordOfImage } from "../../record/store";
import { loadTemplate, renderTemplate } from "../../render/index";
import type { RenderedTemplate } from "../../render/rendered";
import { isoTime } from "../../support/clock";
import { paths } from "../../support/files/paths";
import { measure } from "./measure";
import type { Run } from "../run";

/** Files that contain times: logs, caches, the dates of passwords, Python's compiled files (with their sources' times). */
const TELLS_TIMES =
  /^\/(?:var\/(?:log|cache)|tmp|root\/\.(?:npm|cache))\/|\/\.npm\/|^\/etc\/shadow-?$|^\/var\/lib\/(?:dpkg|apt)\/.*-old$|\.pyc$/u;

const SHOWN = 8;

/** The differences between a build and the previous version in one line; "" if only times differ. */
export function whatIsNew(before: Measured, after: Measured): string {
  const counted = ({ files, record }: Measured): Measured => ({
    record,
    files: files.filter(({ path }) => !TELLS_TIMES.test(path)),
  });
  const { built } = compareVersions(counted(before), counted(after));
  if (built === null) return "";
  const { packages, environment, config, files } = built;
  const named = [...packages, ...environment, ...config].map(changeText);
  const paths = [...files.added, ...files.removed, ...files.changed.map(({ path }) => path)];
  const all = named.length > 0 ? named : paths;
  return all.length > SHOWN
    ? `${all.slice(0, SHOWN).join(", ")} and ${String(all.length - SHOWN)} more`
    : all.join(", ");
}

/** The stage `refresh` with today's inputs. Removes the new image if only times differ. */
export async function refreshVersion(
  run: Run,
  inputs: Lock,
  entry: ManifestEntry | undefined,
  build: (rendered: RenderedTemplate) => Promise<{ readonly image: Image }>,
): Promise<{ readonly lock: Lock; readonly changed: string } | undefined> {
  const { template, mesaVersion } = inputs;
  // The new time makes another lock, and so another revision, even if only packages changed.
  const lock = sealed({ ...inputs, lockedAt: isoTime(run.host.clock.now()) });
  const rendered = renderTemplate(await loadTemplate(run.root, template), lock);
  const { image } = await build(rendered);
  const before = entry === undefined ? undefined : await recordOfImage(run.root, entry);
  let changed = "there is no record to compare with";
  if (before !== undefined) {
    const { revision } = before.record;
    changed = whatIsNew(before, await measure(run, rendered, { revision, image, checks: [] }));
  }
  if (changed === "") {
    await (await run.engine()).removeImage(image.reference);
    return undefined;
  }
  await writeLock(paths(run.root).lockFile(template, mesaVersion), lock);
  return { lock, changed };
}
