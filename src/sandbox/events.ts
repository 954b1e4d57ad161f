/** What happens to a session, as it happens. Nothing in it is a secret. */
export type SessionEvent =
  | { readonly type: "creating"; readonly name: string; readonly image: string }
  | { readonly type: "mounting"; readonly name: string }
  | {
      readonly type: "ready";
      readonly name: string;
      readonly path: string;
      readonly credentialEndsAt: string;
    }
  | { readonly type: "closing"; readonly name: string }
  /** `revoked`: whether its credential could be revoked; a token that a private key signed only ends by itself. */
  | { readonly type: "closed"; readonly name: string; readonly revoked: boolean }
  /** Something that could not be cleaned up, in words with what to do. */
  | { readonly type: "left-over"; readonly name: string; readonly message: string };

/** An event as people read it. */
export function eventText(event: SessionEvent): string {
  switch (event.type) {
    case "creating":
      return `sandbox ${event.name} from ${event.image}`;
    case "mounting":
      return "mounting";
    case "ready":
      return `mounted at ${event.path}`;
    case "closing":
      return `ending ${event.name}`;
    case "closed":
      return `${event.name} is removed, ${event.revoked ? "its credential revoked" : "its token expires by itself"}`;
    case "left-over":
      return event.message;
  }
}
