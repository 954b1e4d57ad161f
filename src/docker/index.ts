export { connectEngine } from "./connection/connect";
export { proxyArguments } from "./connection/proxies";
export { engineVariables, type EngineFacts } from "./connection/daemon";
export type { BuildEnding } from "./builds/follow-build";
export { stepLog } from "./builds/step-log";
export { hostDevices, type HostDevice } from "./containers/host-devices";
export { PLATFORM } from "./images";
export type { BuildRequest, ContainerRequest, Engine, ExecRequest, ExecResult } from "./engine";
