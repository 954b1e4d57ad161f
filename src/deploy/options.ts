import type { KnownSandbox } from "./foreign-sandbox";

/** An image in a registry that Blaxel imports. */
export interface ImportSource {
  /** registry/path@sha256:… */
  readonly reference: string;
  readonly digest: string;
  /** Text of the Docker config.json with the registry's login; undefined: the image is public. */
  readonly dockerConfig: string | undefined;
  /** Called right before Blaxel gets the image: checks that the registry still has it under its tag. */
  confirm(): Promise<void>;
}

/** How a template is brought to Blaxel. */
export interface DeployOptions {
  /** The template version's id, for messages and the pending file. */
  readonly id: string;
  readonly publish: "deploy" | "push";
  /** Deploy over a sandbox of that name that this program did not make. */
  readonly adopt: boolean;
  /** From before bl starts to the image seen running, in ms. */
  readonly timeoutMs: number;
  /** Between two looks at the platform, in ms. */
  readonly pollMs?: number;
  /** How long DEPLOYED with the old image is waited on before it means "nothing new", in ms. */
  readonly graceMs?: number;
  /** What is kept of an upload in progress, so that the next run resumes it. */
  readonly pendingFile: string;
  /** Start over: what an ended run left under way is not waited for. */
  readonly force: boolean;
  /** Sandboxes that earlier versions of this template were deployed to (from the manifest): ours. */
  readonly knownSandboxes?: readonly KnownSandbox[];
  /** The image that was deployed from these very inputs before, when there is one: "nothing new" is then right. */
  readonly knownImage?: string | undefined;
  /** The image that Blaxel is to import; undefined: it builds one from the rendered files. */
  readonly source?: ImportSource | undefined;
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Called once, just before anything is sent that may make something on the platform. */
  readonly onSent?: (() => void) | undefined;
}
