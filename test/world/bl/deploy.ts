import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, credentialHint, messageIn, uploadUrl, type Answer, type Session } from "./api";
import { call } from "./call";
import { filesToUpload } from "./files";
import type { Parsed } from "./flags";
import { send } from "./http";
import { readProject, type Project } from "./project";
import { makeZip } from "./zip";

const goJson = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(/[<>&]/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)}\n`;

export function packZip(folder: string): { zip: Buffer; files: { name: string; size: number }[] } {
  const files = filesToUpload(folder);
  const zip = makeZip(files);
  writeFileSync(
    join(mkdtempSync(join(call().env["TMPDIR"] ?? tmpdir(), ".blaxel.zip")), "archive.zip"),
    zip,
    { mode: 0o600 },
  );
  return { zip, files: files.map((file) => ({ name: file.name, size: file.data.length })) };
}

/** bl deploy, without a terminal: it never waits for the build. */
export async function deploy(parsed: Parsed, session: Session): Promise<number> {
  const folder = call().cwd;
  const project = readProject(parsed, folder);
  const json = parsed.flags["output"]?.[0] === "json";
  const begun = Date.now();
  const { zip, files } = project.generated ? packZip(folder) : { zip: Buffer.alloc(0), files: [] };
  if (parsed.flags["dryrun"] !== undefined) {
    dryRun(project, files, json);
    return 0;
  }
  const say = (line: string): void => {
    (json ? call().err : call().out)(`${line}\n`);
  };
  const result = await applyAndUpload(project, session, zip, json, say);
  if (result.failure !== undefined) {
    const reason = `error applying blaxel deployment: ${result.failure}`;
    if (json) {
      call().err(credentialHint(reason, session));
      call().out(
        goJson({
          resources: [
            {
              kind: project.kind,
              name: project.name,
              status: "FAILED",
              ...(result.url === undefined ? {} : { url: result.url }),
              error: reason,
            },
          ],
          success: false,
          totalDuration: seconds(begun),
        }),
      );
    } else call().err(`✗ Deploy failed\nReason: ${reason}\n${credentialHint(reason, session)}`);
    return 1;
  }
  if (!json) {
    call().out(summary(project.name, session.workspace, result.url));
    return 0;
  }
  await new Promise((done) => setTimeout(done, 200));
  const now =
    project.kind === "sandbox" ? await ask(session, "GET", `/sandboxes/${project.name}`) : undefined;
  const body =
    now?.ok === true ? (JSON.parse(now.body) as { status?: string; metadata?: { url?: string } }) : undefined;
  const url = body?.metadata?.url;
  call().out(
    goJson({
      resources: [
        {
          kind: project.kind,
          name: project.name,
          status: body === undefined ? "DEPLOYING" : (body.status ?? ""),
          ...(url === undefined ? {} : { url }),
        },
      ],
      success: true,
      totalDuration: seconds(begun),
    }),
  );
  return 0;
}

const seconds = (begun: number): string => `${String(Math.round((Date.now() - begun) / 1000))}s`;

function dryRun(project: Project, files: readonly { name: string; size: number }[], json: boolean): void {
  const labels = project.generated ? { "x-blaxel-auto-generated": "true" } : {};
  const runtime = project.spec["runtime"] as Record<string, unknown>;
  const resource = {
    apiVersion: "blaxel.ai/v1alpha1",
    kind: "Sandbox",
    metadata: { labels, name: project.name },
    spec: { runtime: { envs: runtime["envs"], ...runtime }, triggers: null },
  };
  if (json) {
    call().out(goJson({ dryRun: true, resources: [resource], ...(files.length === 0 ? {} : { files }) }));
    return;
  }
  const memory = runtime["memory"] === undefined ? "" : `    memory: ${JSON.stringify(runtime["memory"])}\n`;
  call().out(
    `apiVersion: blaxel.ai/v1alpha1\nkind: Sandbox\nmetadata:\n  labels:\n    x-blaxel-auto-generated: "true"\n  name: ${project.name}\nspec:\n  runtime:\n    envs: []\n${memory}  triggers: null\n---\n${files.map((file) => `File: ${file.name}, Size: ${String(file.size)} bytes\n`).join("")}`,
  );
}

interface Applied {
  readonly failure?: string;
  readonly url?: string | undefined;
}

async function apply(
  project: Project,
  session: Session,
  say: (line: string) => void,
): Promise<{ answer: Answer; failure?: string }> {
  const labels = project.generated ? { "x-blaxel-auto-generated": "true" } : {};
  const body = { metadata: { name: project.name, labels }, spec: project.spec };
  const query = project.generated ? "?upload=true" : "";
  let answer = await ask(session, "POST", `/sandboxes${query}`, body);
  let word = "created";
  if (answer.status === 409) {
    answer = await ask(session, "PUT", `/sandboxes/${project.name}${query}`, body);
    word = "configured";
  }
  if (!answer.ok) {
    const message = messageIn(answer);
    say(`Resource Sandbox:${project.name} error: ${message}`);
    return { answer, failure: `failed to apply Sandbox/${project.name}: ${message}` };
  }
  say(`Resource Sandbox:${project.name} ${word}`);
  return { answer };
}

async function applyAndUpload(
  project: Project,
  session: Session,
  zip: Buffer,
  json: boolean,
  say: (line: string) => void,
): Promise<Applied> {
  if (project.kind !== "sandbox") return {};
  let applied = await apply(project, session, say);
  if (applied.failure !== undefined) return { failure: applied.failure };
  const { url } = (JSON.parse(applied.answer.body) as { metadata?: { url?: string } }).metadata ?? {};
  let target = uploadUrl(applied.answer);
  if (target === undefined || !project.generated) return { url };
  if (!json) call().out("Uploading sandbox code...\n");
  for (let attempt = 0; ; attempt += 1) {
    const put = await send("PUT", target, { "Content-Type": "application/zip" }, zip);
    if (put.status === 200) break;
    const refused = `failed to upload file: upload failed with status: ${String(put.status)} ${put.statusText}`;
    if (attempt === 4) return { failure: refused, url };
    await new Promise((done) => setTimeout(done, 1000 * 2 ** attempt));
    applied = await apply(project, session, say);
    if (applied.failure !== undefined) return { failure: applied.failure };
    target = uploadUrl(applied.answer);
    if (target === undefined) return { failure: "no upload URL returned from server" };
  }
  if (!json) call().out("Upload completed\n");
  return { url };
}

function summary(name: string, workspace: string, url: string | undefined): string {
  const curl =
    url === undefined
      ? ""
      : `ℹ Curl:    curl -H "X-Blaxel-Workspace: ${workspace}" -H "X-Blaxel-Authorization: Bearer $(bl token)" ${url}\n`;
  return `✓ Deployment applied successfully\n\nℹ Console: https://app.blaxel.ai/${workspace}/global-agentic-network/sandbox/${name}\nℹ Status:  bl get sandbox ${name} --watch\nℹ Logs:    bl logs sandbox ${name}\n\nℹ Once deployed, you can run your workload with:\nℹ Run:     bl run sandbox ${name} --method GET --path /filesystem//tmp\n${curl}`;
}
