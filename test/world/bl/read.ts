import { ask, credentialHint, type Session } from "./api";
import { call } from "./call";
import type { Parsed } from "./flags";

interface SandboxBody {
  readonly metadata?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly status?: string;
}

const sortKeys = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));

/** One sandbox as the CLI prints it: every field its SDK knows, with zero values. */
function whole(body: SandboxBody): unknown {
  const metadata = body.metadata ?? {};
  const spec = body.spec ?? {};
  const runtime = (spec["runtime"] ?? {}) as Record<string, unknown>;
  return {
    apiVersion: "blaxel.ai/v1alpha1",
    kind: "Sandbox",
    metadata: sortKeys({
      createdAt: "",
      createdBy: "",
      displayName: "",
      externalId: "",
      labels: null,
      name: "",
      plan: "",
      updatedAt: "",
      updatedBy: "",
      url: "",
      workspace: "",
      ...metadata,
    }),
    spec: {
      enabled: false,
      lifecycle: { expirationPolicies: null, terminatedRetention: "" },
      network: {
        allowedDomains: null,
        egress: { gateway: "", mode: "", policies: null },
        firewall: { rulesets: null },
        forbiddenDomains: null,
        proxy: { allowedDomains: null, bypass: null, forbiddenDomains: null, routing: null },
        subnet: "",
      },
      region: spec["region"] ?? "",
      runtime: sortKeys({
        envs: Array.isArray(runtime["envs"])
          ? runtime["envs"].map((env: object) => sortKeys({ secret: false, ...env }))
          : null,
        expires: "",
        extraArgs: runtime["extraArgs"] ?? null,
        image: runtime["image"] ?? "",
        memory: runtime["memory"] ?? 0,
        ports: runtime["ports"] ?? null,
        terminationGracePeriodSeconds: 0,
        ttl: runtime["ttl"] ?? "",
      }),
      volumes: spec["volumes"] ?? null,
      vpc: "",
    },
    status: body.status ?? "",
  };
}

const print = (value: unknown): void => {
  call().out(`${JSON.stringify(value, null, 2)}\n`);
};

/** bl get …: errors are on stdout. */
export async function get(parsed: Parsed, session: Session): Promise<number> {
  const [kind = "", name, ...more] = parsed.rest;
  if (more.length > 0) return 0;
  if (/^(sandbox|sandboxes|sbx)$/u.test(kind) && name === undefined) {
    const answer = await ask(session, "GET", "/sandboxes?limit=200");
    if (!answer.ok) return failed(`Resource Sandbox error: ${answer.failure}`);
    const { data } = JSON.parse(answer.body) as { data: SandboxBody[] };
    if (data.length === 0) call().out("[]\n");
    else
      print(
        data.map((body) => ({
          apiVersion: "blaxel.ai/v1alpha1",
          kind: "Sandbox",
          metadata: sortKeys(body.metadata ?? {}),
          spec: sortKeys(body.spec ?? {}),
          status: body.status,
        })),
      );
    return 0;
  }
  if (/^(sandbox|sandboxes|sbx)$/u.test(kind)) {
    const answer = await ask(session, "GET", `/sandboxes/${name ?? ""}`);
    if (!answer.ok) {
      call().err(credentialHint(answer.failure, session));
      return failed(`Resource Sandbox:${name ?? ""} error: ${answer.failure}`);
    }
    print([whole(JSON.parse(answer.body) as SandboxBody)]);
    return 0;
  }
  if (/^images?$/u.test(kind)) return getImage(parsed, session, name);
  return failed(`unknown resource ${kind}`);
}

function failed(text: string): number {
  call().out(`${text}\n`);
  return 1;
}

async function getImage(parsed: Parsed, session: Session, reference: string | undefined): Promise<number> {
  if (reference === undefined) {
    const all = await ask(session, "GET", "/images");
    if (!all.ok) return failed(`error getting images: ${all.failure}`);
    call().out(`${JSON.stringify(JSON.parse(all.body), null, 2)}\n`);
    return 0;
  }
  const [, type, image, tag] = /^([^/:]+)\/([^/:]+)(?::(.+))?$/u.exec(reference) ?? [];
  if (type === undefined || image === undefined)
    return failed(
      `Error: invalid image reference format. Expected 'resourceType/imageName' or 'resourceType/imageName:tag', got '${reference}'`,
    );
  const answer = await ask(session, "GET", `/images/${type}/${image}`);
  if (!answer.ok) return failed(`error getting image ${type}/${image}: ${answer.failure}`);
  const body = JSON.parse(answer.body) as {
    metadata: Record<string, unknown>;
    spec: { size?: number; tags?: { name: string; size?: number; createdAt?: string; updatedAt?: string }[] };
  };
  const tags = body.spec.tags ?? [];
  if (tag !== undefined && !tags.some((found) => found.name === tag))
    return failed(`tag '${tag}' not found for image ${type}/${image}`);
  if (parsed.flags["latest"] !== undefined) {
    const newest = [...tags].sort((a, b) => ((a.createdAt ?? "") < (b.createdAt ?? "") ? 1 : -1))[0];
    call().out(`${type}/${image}:${newest?.name ?? ""}\n`);
    return 0;
  }
  print([
    {
      apiVersion: "blaxel.ai/v1alpha1",
      kind: "Image",
      metadata: sortKeys({
        createdAt: "",
        displayName: "",
        events: null,
        lastDeployedAt: "",
        name: "",
        resourceType: "",
        sourceWorkspace: "",
        status: "",
        updatedAt: "",
        workspace: "",
        ...body.metadata,
      }),
      spec: {
        size: body.spec.size ?? 0,
        tags: tags
          .filter((found) => tag === undefined || found.name === tag)
          .map((found) => sortKeys({ ...found })),
      },
      status: "-",
    },
  ]);
  return 0;
}

/** bl delete …: several names, "-o json" for sandboxes. */
export async function remove(parsed: Parsed, session: Session): Promise<number> {
  const [kind = "", ...names] = parsed.rest;
  let code = 0;
  if (/^images?$/u.test(kind)) {
    for (const reference of names) {
      const answer = await ask(session, "DELETE", `/images/${reference}`);
      if (answer.ok)
        call().out(
          reference.includes(":")
            ? `Image tag ${reference} deleted\n`
            : `Image ${reference} deleted (all tags)\n`,
        );
      else code = failed(`Error deleting image ${reference}: ${answer.failure}`);
    }
    return code;
  }
  const [deleted, missing]: [object[], object[]] = [[], []];
  const json = parsed.flags["output"]?.[0] === "json";
  for (const name of names) {
    const answer = await ask(session, "DELETE", `/sandboxes/${name}`);
    (answer.ok ? deleted : missing).push({ kind: "Sandbox", name });
    if (answer.ok && !json) call().out(`Resource Sandbox:${name} deleted\n`);
    if (!answer.ok) {
      call().err(`${answer.failure}\n`);
      code = 1;
    }
  }
  if (json) print({ deleted, failed: missing, success: code === 0 });
  return code;
}

/** Lines of a sandbox's log, newest first as the server sends them; as text what it failed with. */
export async function fetchLogs(
  session: Session,
  name: string,
  periodMs: number,
): Promise<readonly { readonly timestamp: string; readonly message: string }[] | string> {
  const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
  const query = new URLSearchParams({
    start: time(Date.now() - periodMs),
    end: time(Date.now()),
    resourceType: "sandboxes",
    workloadIds: name,
    type: "all",
    workspace: session.workspace,
    limit: "1000",
    offset: "0",
  });
  const answer = await ask(session, "GET", `/observability/logs?${query.toString()}`);
  if (!answer.ok) return answer.failure;
  const body = JSON.parse(answer.body) as Record<
    string,
    { logs?: { timestamp: string; message: string }[] } | undefined
  >;
  return body[name]?.logs ?? [];
}

/** bl logs sandbox NAME: the server sends newest first, they are printed oldest first. */
export async function logs(parsed: Parsed, session: Session): Promise<number> {
  const [, name = ""] = parsed.rest;
  const [, count = "1", unit = "h"] = /^(\d+)([smh])$/u.exec(parsed.flags["period"]?.[0] ?? "1h") ?? [];
  const lines = await fetchLogs(
    session,
    name,
    Number(count) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit] ?? 0),
  );
  if (typeof lines === "string") {
    call().err(`✗ logs failed\nReason: failed to fetch logs: ${lines}\n`);
    return 1;
  }
  if (lines.length === 0) call().out("No logs found for the specified time range and filters.\n");
  for (const line of [...lines].reverse())
    call().out(
      parsed.flags["no-timestamps"] === undefined
        ? `[${line.timestamp.slice(0, 23).replace("T", " ")}] ${line.message}\n`
        : `${line.message}\n`,
    );
  return 0;
}
