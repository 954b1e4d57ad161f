import type { Image } from "../build/image";
import type { Deployment } from "../deploy/deployment";
import type { Lock } from "../lock/lock";
import type { RenderedTemplate } from "../render/rendered";
import type { SmokeReport } from "../smoke/report";
import type { Host } from "../support/host";
import type { MeasureFacts } from "./measure";
import type { ReleaseRequest } from "./request";

/** The stages as the release knows them: each takes the value before it and returns the next one. Tests hand in their own. */
export interface Stages {
  /** Fails (exit 3) when there is no bl or no credentials, before any work starts. */
  checkDeployPossible(host: Host): Promise<void>;
  /** Removes the containers that these runs, which are known to have died, left on the engine. */
  removeAbandoned(host: Host, runs: readonly string[]): Promise<void>;
  /** Fails (exit 2) when a test file cannot be read or is broken, before any work starts. */
  checkTestFiles(request: ReleaseRequest, template: string): Promise<void>;
  /** The existing lock, or a fresh one. */
  lock(
    host: Host,
    request: ReleaseRequest,
    template: string,
  ): Promise<{ readonly lock: Lock; readonly reused: boolean }>;
  /** Renders and writes the project folder. */
  render(host: Host, request: ReleaseRequest, template: string, lock: Lock): Promise<RenderedTemplate>;
  build(
    host: Host,
    request: ReleaseRequest,
    rendered: RenderedTemplate,
    progress: (message: string) => void,
  ): Promise<{ readonly image: Image; readonly reused: boolean }>;
  smoke(
    host: Host,
    request: ReleaseRequest,
    rendered: RenderedTemplate,
    image: Image,
    progress: (message: string) => void,
  ): Promise<SmokeReport>;
  /** `onSent` is called once something may exist on the platform. */
  deploy(
    host: Host,
    request: ReleaseRequest,
    rendered: RenderedTemplate,
    id: string,
    progress: (message: string) => void,
    onSent: () => void,
  ): Promise<Deployment>;
  verify(
    host: Host,
    request: ReleaseRequest,
    rendered: RenderedTemplate,
    deployment: Deployment,
    progress: (message: string) => void,
  ): Promise<SmokeReport>;
  /** Writes what was measured beside the rendered files: what diff, notes and the SBOM are made from. */
  measure(
    host: Host,
    request: ReleaseRequest,
    rendered: RenderedTemplate,
    facts: MeasureFacts,
  ): Promise<void>;
}
