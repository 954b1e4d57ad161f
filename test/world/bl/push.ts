import { ask, credentialHint, uploadUrl, type Session } from "./api";
import { call } from "./call";
import { packZip } from "./deploy";
import type { Parsed } from "./flags";
import { send } from "./http";
import { readProject, readToml } from "./project";
import { fetchLogs } from "./read";

const TYPES = ["sandbox", "agent", "job", "function"];

/** Seconds as Go writes them: 90s is 1m30s. */
function goDuration(limit: string): string {
  const total = /^\d+s$/u.test(limit) ? Number.parseInt(limit, 10) : 0;
  return total < 60 ? limit : `${String(Math.floor(total / 60))}m${String(total % 60)}s`;
}

/** bl push: builds an image without a sandbox, and waits for it. */
export async function push(parsed: Parsed, session: Session): Promise<number> {
  const folder = call().cwd;
  const project = readProject(parsed, folder);
  const name = parsed.flags["name"]?.[0] ?? project.name;
  const fail = (reason: string): number => {
    call().err(`✗ Push failed\nReason: ${reason}\n${credentialHint(reason, session)}`);
    return 1;
  };
  const type = parsed.flags["type"]?.[0] ?? readToml(folder)["type"];
  if (typeof type !== "string")
    return fail("resource type is required. Specify it with --type (-t) flag or set 'type' in blaxel.toml");
  if (!TYPES.includes(type))
    return fail(`invalid resource type "${type}": must be one of ${TYPES.join(", ")}`);
  call().out(`Packaging source code for sandbox/${name}...\n`);
  const { zip } = packZip(folder);
  call().out("Requesting image build...\n");
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask(session, "POST", "/images?upload=true", { name, resourceType: "sandbox" });
    if (!answer.ok) return fail(`failed to request image build: ${answer.failure}`);
    const target = uploadUrl(answer);
    if (target === undefined) return fail("no upload URL returned from server");
    if (attempt === 0) call().out("Uploading source code...\n");
    const put = await send("PUT", target, { "Content-Type": "application/zip" }, zip);
    if (put.status === 200) break;
    if (attempt === 4)
      return fail(
        `failed to upload source code: upload failed with status: ${String(put.status)} ${put.statusText}`,
      );
    await new Promise((done) => setTimeout(done, 1000 * 2 ** attempt));
  }
  call().out(
    "Upload completed\n\nMonitoring build logs (first logs may take up to 30 seconds to appear)...\n",
  );
  const limit = parsed.flags["timeout"]?.[0] ?? "1h0m0s";
  const ending = await monitor(
    session,
    name,
    /^\d+s$/u.test(limit) ? Number.parseInt(limit, 10) * 1000 : 3_600_000,
  );
  if (ending === "late") return fail(`build timed out after ${goDuration(limit)}`);
  if (ending === "FAILED") return fail("image build failed");
  const memory = (project.spec["runtime"] as Record<string, unknown>)["memory"];
  call().out(
    `\nImage sandbox/${name} built and pushed successfully!\n\nℹ List images: bl get images\nℹ Image detail: bl get image sandbox/${name}\n\n${sample(name, memory)}`,
  );
  return 0;
}

const LOG_EVERY_MS = 2_000;
const STATUS_EVERY_MS = 5_000;

/** Prints the build's log as it comes and asks for the image; nothing is read after its end, so that the last lines may be lost. */
async function monitor(
  session: Session,
  name: string,
  limitMs: number,
): Promise<"BUILT" | "FAILED" | "late"> {
  const printed = new Set<string>();
  for (let ms = LOG_EVERY_MS; ms < limitMs; ms += 1_000) {
    await new Promise((done) => setTimeout(done, ms === LOG_EVERY_MS ? LOG_EVERY_MS : 1_000));
    if (ms % STATUS_EVERY_MS === 0) {
      const image = await ask(session, "GET", `/images/sandbox/${name}`);
      const { metadata } = (image.ok ? JSON.parse(image.body) : {}) as { metadata?: { status?: string } };
      const status = metadata?.status;
      if (status === "BUILT" || status === "FAILED") {
        await new Promise((done) => setTimeout(done, 1_000));
        return status;
      }
    }
    if (ms % LOG_EVERY_MS === 0) {
      const lines = await fetchLogs(session, name, 3_600_000);
      if (typeof lines === "string") continue;
      for (const { timestamp, message } of [...lines].reverse()) {
        const line = `${timestamp}:${message}`;
        if (!printed.has(line)) call().out(`${message}\n`);
        printed.add(line);
      }
    }
  }
  return "late";
}

function sample(name: string, memory: unknown): string {
  const suffix = Math.random().toString(36).slice(2, 7).padEnd(5, "0");
  const line = memory === undefined ? "" : `    memory: ${JSON.stringify(memory)}\n`;
  return `Deploy this image with:\n\nbl apply -f - <<EOF\napiVersion: blaxel.ai/v1alpha1\nkind: Sandbox\nmetadata:\n  name: ${name}-${suffix}\nspec:\n  runtime:\n    image: sandbox/${name}:latest\n${line}EOF\n`;
}
