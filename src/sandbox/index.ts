export { leftOfRuns, removeLeft } from "./leftovers";
export { withSession, type Outcome, type Session, type SessionRequest } from "./session";
export { eventText, type SessionEvent } from "./events";
export { mergeBranch } from "./repos";
export { promptScript } from "./commands/shell";
export { onBranch, parseLayout, parseMount, parseRepo, type RequestedMount } from "../mesa/mounts";
