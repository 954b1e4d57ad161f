import { randomInt } from "node:crypto";

export const BLAXEL_KEY = "bl_world_key_0000000000";
export const BLAXEL_WORKSPACE = "world";
/** All workspaces that the key opens; each has its own sandboxes and images. */
export const BLAXEL_WORKSPACES: readonly string[] = [BLAXEL_WORKSPACE, "prod"];

export interface Sandbox {
  readonly name: string;
  readonly createdAt: string;
  updatedAt: string;
  labels: Record<string, string>;
  runtime: Record<string, unknown>;
  region: string;
  status: string;
  image: string;
  containerId: string | undefined;
  port: number | undefined;
  /** Port of this machine by declared port: what the edge routes /port/N/ to. */
  routed: ReadonlyMap<number, number>;
  /** When it was last asked for something, in ms since the epoch. */
  askedAt: number;
  /** How many requests are under way. */
  asking: number;
  /** In standby or archived: what wakes it, and that it is awake again. */
  asleep: { readonly wake: () => Promise<void>; waking?: Promise<void> } | undefined;
  /** Its API never answers (fault). */
  unhealthy: boolean;
}

export interface ImageTag {
  readonly name: string;
  readonly createdAt: string;
  readonly size: number;
  /** The local image behind it. */
  readonly local: string;
  readonly source: string;
}

export interface Image {
  readonly name: string;
  readonly createdAt: string;
  updatedAt: string;
  status: string;
  tags: ImageTag[];
}

export interface Upload {
  readonly kind: "sandbox" | "image";
  readonly workspace: string;
  readonly name: string;
  /** Taken, and nothing comes of it (fault). */
  readonly dropped: boolean;
  /** Names of the x-amz-meta-… headers that its URL is signed for. */
  readonly signedHeaders: readonly string[];
}

export interface BlaxelState {
  readonly sandboxes: Map<string, Sandbox>;
  readonly images: Map<string, Image>;
  readonly uploads: Map<string, Upload>;
  readonly logs: Map<string, { readonly timestamp: string; readonly message: string }[]>;
  /** Counts up with each reset, so that what was under way before does not write into what came after. */
  era: number;
}

/** A workspace without anything. Uploads are all workspaces' own: their address says nothing of a workspace. */
export function freshState(uploads: BlaxelState["uploads"]): BlaxelState {
  return { sandboxes: new Map(), images: new Map(), uploads, logs: new Map(), era: 0 };
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** An opaque tag, as the platform makes them: 12 of a-z0-9. */
export function opaque(size = 12): string {
  return Array.from({ length: size }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}

export function addLog(state: BlaxelState, name: string, message: string): void {
  const lines = state.logs.get(name) ?? [];
  lines.push({
    timestamp: new Date().toISOString().replace("Z", `${String(lines.length % 1000).padStart(6, "0")}Z`),
    message,
  });
  state.logs.set(name, lines);
}
