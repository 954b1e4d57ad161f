export { resolveTemplate, type ResolvedTemplate, type ResolveOptions } from "./manifest/resolve-template";
export { withMesaSandbox, type MesaSandbox, type MesaSandboxOptions } from "./sandbox/with-mesa-sandbox";
export { Failure } from "./support/errors";
