export { connectEngine } from "./connect";
export { readTarEntries } from "./tar-entries";
export { followBuild, type BuildEnding, type BuildListener } from "./follow-build";
export { hostDevices, type HostDevice } from "./host-devices";
export type {
  BuildRequest,
  ContainerRequest,
  ContainerState,
  EndedContainer,
  Engine,
  EngineFacts,
  EngineImage,
  ExecRequest,
  ExecResult,
  ImageConfig,
  PathChange,
  PathStat,
  PullRequest,
  PushRequest,
  RegistryLogin,
} from "./engine";
