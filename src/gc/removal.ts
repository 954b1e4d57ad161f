/** Something that can be removed. */
export interface Removal {
  readonly what: "local image" | "leftover container" | "Blaxel image";
  readonly name: string;
  readonly why: string;
  /** The version whose image it is. */
  readonly id?: string;
  /** For an image on Blaxel: its workspace. */
  readonly workspace?: string;
}

/** Removes something; returns the reason if it is in use. Throws on any other problem. */
export type Remove = (removal: Removal) => Promise<string | undefined>;

/** The outcome of a removal. */
export interface Outcome {
  readonly removal: Removal;
  readonly outcome: "planned" | "removed" | "stays" | "failed";
  /** Why it stays, or what failed. */
  readonly message?: string;
  readonly failure?: Error;
}

/** An outcome as JSON. */
export function outcomeDocument({ removal, outcome, message }: Outcome): Readonly<Record<string, unknown>> {
  const { what, name, why, ...place } = removal;
  return { what, name, why, outcome, ...place, ...(message === undefined ? {} : { message }) };
}

/** An outcome as text. */
export function outcomeText({ removal, outcome, message }: Outcome): string {
  const what = `${removal.what} ${removal.name.replace(/^((?:sha256:)?[0-9a-f]{12})[0-9a-f]{52}$/u, "$1")}`;
  if (outcome === "planned") return `${what} would be removed (${removal.why})`;
  if (outcome === "removed") return `${what} removed (${removal.why})`;
  return `${what} ${outcome === "stays" ? "stays" : "could not be removed"}: ${message ?? ""}`;
}
