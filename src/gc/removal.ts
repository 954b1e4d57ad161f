/** Something that can go. */
export interface Removal {
  readonly what: "local image" | "leftover container" | "Blaxel image";
  readonly name: string;
  readonly why: string;
  /** The version whose image it is. */
  readonly id?: string;
  /** The workspace that holds it, of an image on Blaxel. */
  readonly workspace?: string;
  /** Takes it away; answers why it has to stay when somebody uses it. Any other trouble is thrown. */
  readonly remove: (name: string) => Promise<string | undefined>;
}

/** What became of it. */
export interface Outcome {
  readonly removal: Removal;
  readonly outcome: "planned" | "removed" | "stays" | "failed";
  /** Why it stays, or what failed. */
  readonly message?: string;
  readonly failure?: Error;
}

/** An outcome as machines read it. */
export function outcomeDocument({ removal, outcome, message }: Outcome): Readonly<Record<string, unknown>> {
  const { what, name, why, id, workspace } = removal;
  return {
    what,
    name,
    why,
    outcome,
    ...(id === undefined ? {} : { id }),
    ...(workspace === undefined ? {} : { workspace }),
    ...(message === undefined ? {} : { message }),
  };
}

/** An outcome as people read it. */
export function outcomeText({ removal, outcome, message }: Outcome): string {
  const what = `${removal.what} ${removal.name}`;
  if (outcome === "planned") return `${what} would be removed (${removal.why})`;
  if (outcome === "removed") return `${what} removed (${removal.why})`;
  return `${what} ${outcome === "stays" ? "stays" : "could not be removed"}: ${message ?? ""}`;
}
