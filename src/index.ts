export { Failure } from "./support/errors";
