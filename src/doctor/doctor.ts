import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { inspectBl } from "../blaxel/bl";
import { checkCredentials } from "../blaxel/control-plane";
import { blaxelCredentials } from "../blaxel/credentials";
import { availableVersions } from "../lock/index";
import { requireMesaAccess } from "../mesa/access";
import { mesaApi } from "../mesa/api";
import { sourcesOf, type Run } from "../release/run";
import { structureTestProgram } from "../smoke/structure-tests";
import { humanBytes } from "../support/text/bytes";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { paths, templateNames } from "../support/files/paths";
import { engineFindings } from "./engine";
import { finding, type Finding } from "./finding";

const LEAST_FREE_BYTES = 5_000_000_000;

interface Place extends Run {
  /** Reading it throws Failure NO_PROJECT if there is none. */
  readonly root: string;
  /** Where to measure free space: it need not be a project. */
  readonly startFolder: string;
}

/**
 * Checks everything a release needs, in parallel. Each finding tells what was found and, if it is missing,
 * what to do.
 */
export async function examine(place: Place): Promise<readonly Finding[]> {
  const { host } = place;
  const found = await Promise.all([
    finding("project", () => project(place)),
    engineFindings(place),
    finding("bl", () => bl(host)),
    finding("Blaxel credentials", () => blaxelKey(host)),
    finding("Mesa credentials", () => mesaCredential(host)),
    finding("upstream", () => upstream(place)),
    finding("structure tests", () => structureTests(place)),
    finding("disk", () => freeSpace(place.startFolder)),
  ]);
  return found.flat().map((finding) => ({ ...finding, seen: host.redact(finding.seen) }));
}

function project({ root }: Place): string {
  const templates = templateNames(root) ?? [];
  if (templates.length > 0) return `${root} with the templates ${templates.join(", ")}`;
  throw new Failure({
    code: "NO_TEMPLATES",
    kind: "usage",
    message: `${paths(root).templates} has no template`,
    hint: "A template is a folder with a template.toml; mesa-template init writes two.",
  });
}

async function bl(host: Host): Promise<string> {
  const { path, version } = await inspectBl(host);
  return `${path}, version ${version}`;
}

/** Whether the program for the templates' structure-tests.yaml is installed; without such files, nothing is missing. */
async function structureTests(place: Place): Promise<string> {
  try {
    return await structureTestProgram(place.host);
  } catch (error) {
    const { root } = place;
    const have = (templateNames(root) ?? []).filter((template) =>
      existsSync(join(paths(root).templates, template, "structure-tests.yaml")),
    );
    if (have.length > 0) throw error;
    return "no template has a structure-tests.yaml, and container-structure-test is not installed";
  }
}

async function blaxelKey(host: Host): Promise<string> {
  const credentials = await blaxelCredentials(host);
  if (await checkCredentials(host, credentials))
    return `accepted for the workspace ${credentials.workspace} (${credentials.source})`;
  throw new Failure({
    code: "BLAXEL_UNREACHABLE",
    kind: "environment",
    message: `present (${credentials.source}, workspace ${credentials.workspace}), but Blaxel did not say whether it is accepted`,
    hint: "Check the network and BL_API_URL.",
  });
}

async function mesaCredential(host: Host): Promise<string> {
  const access = requireMesaAccess(host.env, undefined);
  const { org, scopes } = await mesaApi(host, access).whoami();
  const kind = access.credential.kind === "api-key" ? "API key" : "private key";
  return `${kind} accepted for the organization ${org}, scopes ${scopes.join(", ")}`;
}

async function upstream(run: Run): Promise<string> {
  const sources = await sourcesOf(run);
  const { mesa } = sources.upstream;
  if (mesa.vouched === "first-download") return `${mesa.repository}: first-download (its index is not used)`;
  const versions = await availableVersions(sources);
  return `${mesa.repository}: ${versions?.join(", ") ?? "it has no index"}`;
}

async function freeSpace(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const free = `${humanBytes(bavail * bsize)} free at ${folder}`;
  if (bavail * bsize >= LEAST_FREE_BYTES) return free;
  throw new Failure({
    code: "DISK",
    kind: "environment",
    message: free,
    hint: "Builds need some gigabytes: mesa-template gc --yes removes old images.",
  });
}
