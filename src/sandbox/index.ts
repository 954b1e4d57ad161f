export { leftOfRuns, removeLeft } from "./clean";
export { openSession, withSession, type Outcome, type Session, type SessionRequest } from "./session";
export { eventText, type SessionEvent } from "./events";
export type { Leftovers } from "./close";
export { execScript } from "./exec";
export { promptScript } from "./shell";
export { parseLayout, parseMount, type MountWish } from "../mesa/mounts";
