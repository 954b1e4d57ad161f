export { connectEngine } from "./connect";
export { readTarEntries } from "./tar-entries";
export { followBuild, type BuildEnding } from "./follow-build";
export { hostDevices, type HostDevice } from "./host-devices";
export type { ContainerRequest, Engine, EngineFacts, ExecResult } from "./engine";
