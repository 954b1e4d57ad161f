import type { RemountReason } from "./mount/held-mount";
import type { Branch } from "./repos";

/** What happens in a session, as it happens; never contains a secret. */
export type SessionEvent =
  | { readonly type: "creating"; readonly name: string; readonly image: string }
  | { readonly type: "mounting"; readonly name: string }
  | {
      readonly type: "ready";
      readonly name: string;
      readonly path: string;
      readonly credentialEndsAt: string;
      /** Latest end of a command, ISO 8601. */
      readonly commandsEndAt: string;
    }
  /** Mounted again with a new credential; `reason` is why. */
  | {
      readonly type: "remounted";
      readonly name: string;
      readonly reason: RemountReason;
      readonly credentialEndsAt: string;
    }
  /** The credential could not be renewed, or the previous mount not flushed; in words. */
  | { readonly type: "warning"; readonly name: string; readonly message: string }
  | { readonly type: "closing"; readonly name: string }
  /** The bookmark created for the session's writes to a repository. */
  | ({ readonly type: "branch"; readonly name: string } & Branch)
  /** `revoked`: whether its credential was revoked; a token signed by a private key only expires. */
  | { readonly type: "closed"; readonly name: string; readonly revoked: boolean }
  /** Something that could not be cleaned up, in words, with the next step. */
  | { readonly type: "left-over"; readonly name: string; readonly message: string };

const REASONS: Readonly<Record<RemountReason, string>> = {
  credential: " before the credential ended",
  broken: ", because the mount no longer worked (the sandbox was in standby, or Mesa's daemon died)",
  asked: "",
};

/** An event as text. */
export function eventText(event: SessionEvent): string {
  switch (event.type) {
    case "creating":
      return `sandbox ${event.name} from ${event.image}`;
    case "mounting":
      return "mounting";
    case "ready":
      return `mounted at ${event.path}; a command may run until ${event.commandsEndAt}`;
    case "remounted":
      return `mounted again${REASONS[event.reason]}; the new credential expires at ${event.credentialEndsAt}`;
    case "branch":
      return `the work on ${event.repo} is on the bookmark ${event.bookmark}; merge it with: mesa-template sandbox merge ${event.repo} ${event.bookmark} --into ${event.into}`;
    case "closing":
      return `ending ${event.name}`;
    case "closed":
      return `${event.name} is removed, ${event.revoked ? "its credential revoked" : "its token expires by itself"}`;
    case "warning":
    case "left-over":
      return event.message;
  }
}
