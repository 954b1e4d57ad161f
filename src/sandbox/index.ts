export {
  withSession,
  splitRepos,
  SESSION_LABEL,
  type Session,
  type SessionRequest,
  type Leftovers,
} from "./session";
export { runAndFollow } from "./follow";
export { execScript } from "./exec";
