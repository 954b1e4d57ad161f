export { resolveTemplate, type ResolvedTemplate, type ResolveOptions } from "./manifest/resolve-template";
export {
  openMesaSandbox,
  withMesaSandbox,
  type MesaRunOptions,
  type MesaRunResult,
  type MesaSandbox,
  type MesaSandboxOptions,
} from "./sandbox/with-mesa-sandbox";
export type { SessionEvent } from "./sandbox/events";
export { Failure } from "./support/errors";
