const control = (): string => process.env["MESA_TEMPLATE_WORLD"] ?? "";

interface LoggedRequest {
  readonly to: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface WorldState {
  readonly sandboxes: readonly { readonly name: string; readonly image: string; readonly status: string }[];
  readonly images: readonly { readonly name: string; readonly tags: readonly string[] }[];
  readonly keys: readonly {
    readonly id: string;
    readonly name: string;
    readonly key: string;
    readonly revoked_at: string | null;
    readonly expires_at: string | null;
  }[];
  readonly repos: readonly {
    readonly org: string;
    readonly name: string;
    /** Of main. */
    readonly files: Readonly<Record<string, string>>;
    readonly bookmarks: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }[];
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${control()}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${String(answer.status)} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** Switches a fault on, for ever or for the next `times` occasions. */
export async function fault(
  name: string,
  times?: number,
  args?: Readonly<Record<string, unknown>>,
): Promise<void> {
  await ask("POST", "/faults", { name, times, args });
}

export async function faultsOff(): Promise<void> {
  await ask("DELETE", "/faults");
}

/** What was asked of a part of the world since the last reset. */
export async function requests(
  to: "registry" | "apt" | "mesa" | "blaxel",
): Promise<readonly LoggedRequest[]> {
  return ask("GET", `/requests?to=${to}`);
}

/** How many projects were sent to Blaxel since the last reset. */
export async function uploads(): Promise<number> {
  const asked = await requests("blaxel");
  return asked.filter(({ method, path }) => method === "PUT" && path.startsWith("/upload/")).length;
}

export async function forgetRequests(): Promise<void> {
  await ask("DELETE", "/requests");
}

export async function state(): Promise<WorldState> {
  return ask("GET", "/state");
}

/** A fresh world, without a restart. */
export async function resetWorld(): Promise<void> {
  await ask("DELETE", "/state");
}

/** A change of the world's upstreams: {newer:{name,tag,from?}}, {addVersion}, {removeVersion}. A reset undoes it. */
export async function wish(what: Readonly<Record<string, unknown>>): Promise<void> {
  await ask("POST", "/wishes", what);
}
