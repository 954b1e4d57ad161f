import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { mesaTemplate, temporaryRoot, type Ran, type RunOptions } from "../program";
import { faultsOff, requests, resetWorld } from "../world";

export const VERSION = "0.20.0";
export const ID = `alpine@${VERSION}-1`;

/** Set where a real bl stands in the stand-in's place: the faults bl-… are the stand-in's alone, and tests of them are skipped. */
export const REAL_BL = (process.env["WORLD_BL"] ?? "") !== "";

export interface Answer {
  readonly ok: boolean;
  readonly results?: readonly {
    readonly status: string;
    readonly deployment: { readonly image: string } | null;
  }[];
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly hint: string | null;
    readonly log: readonly string[];
  };
}

interface Entry {
  readonly status: string;
  /** That of the workspace which the tests use. */
  readonly deployment: { readonly image: string } | null;
  readonly failure: { readonly stage: string; readonly code: string } | null;
}

export interface DeployPlace {
  readonly root: string;
  /** Proves the template locally, so that in the tests only the deploy is new. */
  prove(): Promise<void>;
  /** A release of the proven template, with --json. */
  release(extra?: readonly string[], options?: RunOptions): Promise<Ran>;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  entry(id?: string): Entry | undefined;
  /** Changes the template's source while `use` runs; what was there comes back. */
  withChangedSource<T>(file: string, change: (text: string) => string, use: () => Promise<T>): Promise<T>;
  /** Nothing is left for the next test: neither world nor manifest nor uploads under way. The local proof stays. */
  fresh(): Promise<void>;
  remove(): void;
}

export function deployPlace(): DeployPlace {
  const copy = temporaryRoot();
  const { root } = copy;
  const run = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    mesaTemplate([...args, "--root", root, "--json"], options);
  return {
    root,
    remove: () => {
      copy.remove();
    },
    run,
    async prove() {
      await resetWorld();
      const ran = await run(["release", VERSION, "--template", "alpine", "--no-deploy"]);
      expect(ran.code, ran.stderr).toBe(0);
    },
    release: (extra = [], options = {}) =>
      run(
        ["release", VERSION, "--template", "alpine", "--no-verify", "--deploy-timeout", "20s", ...extra],
        options,
      ),
    entry(id = ID) {
      try {
        const manifest = JSON.parse(readFileSync(join(root, "dockerfiles/manifest.json"), "utf8")) as {
          versions: Record<string, Entry & { deployments: Record<string, Entry["deployment"]> }>;
        };
        const entry = manifest.versions[id];
        return entry && { ...entry, deployment: entry.deployments["world"] ?? null };
      } catch {
        return undefined;
      }
    },
    async withChangedSource(file, change, use) {
      const path = join(root, "templates/alpine", file);
      const before = readFileSync(path, "utf8");
      writeFileSync(path, change(before));
      try {
        return await use();
      } finally {
        writeFileSync(path, before);
      }
    },
    async fresh() {
      await faultsOff();
      await resetWorld();
      rmSync(join(root, "dockerfiles/manifest.json"), { force: true });
      const stages = join(root, ".mesa-template/stages/alpine");
      for (const inputs of readdirSync(stages))
        for (const name of readdirSync(join(stages, inputs)))
          if (name.startsWith("deploy-pending")) rmSync(join(stages, inputs, name));
    },
  };
}

/** How often Blaxel was asked what, by method and kind of path, since the log was last emptied. */
export async function countedRequests(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { method, path } of await requests("blaxel")) {
    const [, room = "", name = ""] = path.split(/[/?]/u);
    const kind = room === "sandboxes" && name !== "" && method === "GET" ? "sandbox" : room;
    const key = `${method} ${kind}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** A request to the world's control plane with the rights of its workspace. */
export function askBlaxel(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${process.env["BL_API_URL"] ?? ""}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
      "Content-Type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
