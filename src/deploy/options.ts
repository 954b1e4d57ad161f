import type { KnownSandbox } from "./foreign-sandbox";

/** An image in a registry that Blaxel imports. */
export interface ImportSource {
  /** registry/path@sha256:… */
  readonly reference: string;
  readonly digest: string;
  /** Docker config.json with the registry's login; undefined: the image is public. */
  readonly dockerConfig: string | undefined;
  /** Called right before Blaxel gets the image: checks that the registry still has it under its tag. */
  confirm(): Promise<void>;
}

/** How to deploy a template. */
export interface DeployOptions {
  /** The template version's id, for messages and the pending file. */
  readonly id: string;
  readonly publish: "deploy" | "push";
  /** Deploy even over a sandbox of that name that this program did not make. */
  readonly adopt: boolean;
  /** From before bl starts until the image is seen running, in ms. */
  readonly timeoutMs: number;
  /** Interval between requests to the platform, in ms. */
  readonly pollMs?: number;
  /** How long DEPLOYED with the old image may last before it means "nothing new", in ms. */
  readonly graceMs?: number;
  /** Stores the state of an upload in progress, so that the next run resumes it. */
  readonly pendingFile: string;
  /** Start over: do not wait for the upload of an earlier run. */
  readonly force: boolean;
  /** Sandboxes that earlier versions of this template were deployed to, from the manifest: ours. */
  readonly knownSandboxes?: readonly KnownSandbox[];
  /** The image of an earlier deploy of the same inputs: "nothing new" is then correct. */
  readonly knownImage?: string | undefined;
  /** The image for Blaxel to import; undefined: it builds one from the rendered files. */
  readonly source?: ImportSource | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Called once, right before the first request that may create something on the platform. */
  readonly onSent?: (() => void) | undefined;
}
