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
export interface Outcome extends Removal {
  readonly outcome: "planned" | "removed" | "stays" | "failed";
  /** Why it stays, or what failed. */
  readonly message?: string;
  readonly failure?: Error;
}
