import type { Image } from "../../build/image";
import type { Severity } from "../../build/scan";
import type { DeployOptions } from "../../deploy/deploy-context";
import type { Deployment } from "../../deploy/deployment";
import type { Lock } from "../../lock/lock";
import type { PublishTarget } from "../../lock/upstream";
import type { ManifestEntry } from "../../manifest/entry";
import type { PublishRequest } from "../../publish/publish-image";
import type { Published } from "../../publish/published";
import type { Signer } from "../../publish/signer";
import type { ProvenTemplate, RenderedTemplate } from "../../render/rendered";
import type { TestFiles } from "../../smoke/index";
import type { SmokeReport } from "../../smoke/report";
import type { MeasureRequest } from "./measure";
import type { Facts } from "../plan";

type Progress = (message: string) => void;

export interface LockStage {
  readonly root: string;
  readonly template: string;
  readonly version: string;
  readonly trustKey: string | undefined;
}

export interface BuildStage {
  readonly root: string;
  readonly force: boolean;
  readonly builder: string | undefined;
  readonly scan: Severity | undefined;
}

export interface RefreshStage extends LockStage, BuildStage {
  readonly entry: ManifestEntry | undefined;
}

interface PushStage extends Omit<PublishRequest, "onProgress"> {
  readonly root: string;
  readonly revision: number;
  readonly createdBy: MeasureRequest["createdBy"];
}

interface SignStage {
  readonly root: string;
  readonly revision: number;
  readonly published: Published;
  readonly signer: Signer;
}

interface DeployStage extends Pick<DeployOptions, "id" | "publish" | "adopt" | "force"> {
  readonly root: string;
  /** The image that Blaxel imports, and how; undefined: it builds from the source. */
  readonly published: { readonly image: Published; readonly target: PublishTarget } | undefined;
  readonly deployTimeoutMs: number;
  /** Called as soon as something may exist on the platform. */
  readonly onSent: () => void;
}

/** The stages of a release in one run: each takes the previous value and returns the next. Tests pass their own. */
export interface Stages {
  /** Fails (exit 3) without bl or credentials, before any work starts. */
  checkDeployPossible(): Promise<void>;
  /** Removes what a killed release left on the engine, in Blaxel and in Mesa. Warns of what remains. */
  removeLeftovers(left: {
    readonly template: string;
    readonly version: string;
    readonly deploy: boolean;
  }): Promise<void>;
  /**
   * Checks that every release runs and that cannot run here, before any work starts. Fails (exit 3) if the Mesa credential does not suit
   * this version.
   */
  cannotRun(files: TestFiles, request: LockStage): Promise<Facts["cannotRun"]>;
  /** Fails (exit 2) on an unreadable or invalid test file, before any work starts. */
  checkTestFiles(files: TestFiles): Promise<void>;
  /** Resolves the inputs again and writes the lock; keeps the existing one if nothing has changed. */
  lock(request: LockStage): Promise<Lock>;
  /**
   * Builds with today's inputs and packages, and compares files and packages with the record of `entry`. Writes and returns the lock of
   * that build, with the differences. If only times differ, writes nothing and returns undefined.
   */
  refresh(
    request: RefreshStage,
    progress: Progress,
  ): Promise<{ readonly lock: Lock; readonly changed: string } | undefined>;
  build(
    rendered: RenderedTemplate,
    request: BuildStage,
    progress: Progress,
  ): Promise<{ readonly image: Image; readonly reused: boolean }>;
  smoke(rendered: RenderedTemplate, image: Image, files: TestFiles, progress: Progress): Promise<SmokeReport>;
  /** Pushes the proven image to the registry, and adds its digest to the version's record. */
  push(
    rendered: RenderedTemplate,
    request: PushStage,
    progress: Progress,
  ): Promise<{ readonly published: Published; readonly reused: boolean }>;
  /** Signs provenance and SBOM and attaches them to the published image. */
  sign(rendered: RenderedTemplate, request: SignStage): Promise<void>;
  deploy(rendered: RenderedTemplate, request: DeployStage, progress: Progress): Promise<Deployment>;
  verify(
    rendered: ProvenTemplate,
    deployment: Deployment,
    checks: readonly string[],
    progress: Progress,
  ): Promise<SmokeReport>;
  /** Writes what was measured beside the rendered files, for diff, notes and the SBOM. */
  measure(rendered: RenderedTemplate, request: MeasureRequest): Promise<void>;
}
