export { connectEngine } from "./connection/connect";
export { readTarEntries } from "./tar-entries";
export { followBuild, type BuildEnding } from "./builds/follow-build";
export { hostDevices, type HostDevice } from "./containers/host-devices";
export type { ContainerRequest, Engine, EngineFacts, ExecResult } from "./engine";
