import { performance } from "node:perf_hooks";
import { loadUpstream, resolveLock, writeLock } from "../../src/lock/index";
import { loadTemplate, renderTemplate, writeRendered } from "../../src/render/index";
import { testHost } from "../unit/lock/fixture/test-host";
import { openDownloads } from "../../src/support/network/downloads";
import { paths } from "../../src/support/files/paths";

/** Where a process stands after so many locks and renderings. */
export interface Sample {
  readonly done: number;
  readonly ms: number;
  readonly heapMb: number;
  readonly rssMb: number;
}

// Locks and renders every template below a root at every version, in this one process: root, upstream.toml, versions.
const [root = "", upstreamPath = "", versions = "100"] = process.argv.slice(2);
const TEMPLATES = Array.from({ length: 10 }, (_, index) => `t${String(index)}`);
const host = testHost({ now: Date.now() });
const folders = paths(root);
const sources = {
  host,
  upstream: await loadUpstream(upstreamPath),
  downloads: openDownloads(host, folders.cache),
};
let done = 0;
let begun = performance.now();

for (let index = 0; index < Number(versions); index += 1) {
  const mesaVersion = `0.${String(16 + index)}.0`;
  await Promise.all(
    TEMPLATES.map(async (template) => {
      const source = await loadTemplate(root, template);
      const { settings } = source;
      const lock = await resolveLock(sources, { template, settings, mesaVersion, root });
      await writeLock(folders.lockFile(template, mesaVersion), lock);
      await writeRendered(root, renderTemplate(source, lock));
    }),
  );
  done += TEMPLATES.length;
  if (done % 100 !== 0) continue;
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const sample: Sample = { done, ms: performance.now() - begun, heapMb: heapUsed / 1e6, rssMb: rss / 1e6 };
  process.stdout.write(`${JSON.stringify(sample)}\n`);
  begun = performance.now();
}
