export { engineVariables } from "./connection/address";
export { connectEngine } from "./connection/connect";
export { proxyArguments } from "./connection/proxies";
export type { BuildEnding } from "./builds/follow-build";
export { stepLog } from "./builds/step-log";
export { hostDevices, type HostDevice } from "./containers/host-devices";
export { PLATFORM } from "./images";
export type { BuildRequest, ContainerRequest, Engine, EngineFacts, ExecRequest, ExecResult } from "./engine";
