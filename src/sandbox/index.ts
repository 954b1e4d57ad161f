export { leftOfRuns, removeLeft } from "./clean";
export { openSession, withSession, type Outcome, type Session, type SessionRequest } from "./session";
export { eventText, type SessionEvent } from "./events";
export type { Leftovers } from "./close";
export { mergeBranch } from "./repos";
export { execScript } from "./exec";
export { promptScript } from "./shell";
export { onBranch, parseLayout, parseMount, parseRepo, type RequestedMount } from "../mesa/mounts";
