import type { Lock } from "../lock/lock";

/** One file of a rendered template. */
export interface RenderedFile {
  /** Name in the project folder, e.g. "Dockerfile". */
  readonly name: string;
  /** Permission bits: 0o644 or 0o755. */
  readonly mode: number;
  readonly contents: string;
}

/** The Blaxel project made from one lock: the same lock and templates give the same bytes anywhere. */
export interface RenderedTemplate {
  readonly template: string;
  readonly mesaVersion: string;
  readonly lock: Lock;
  /** What the template's own template.toml says (budget, deploy name, memory, ports …). */
  readonly settings: TemplateSettings;
  /** Sorted by name. Holds at least Dockerfile, blaxel.toml, entrypoint.sh, .blaxelignore, lock.json. */
  readonly files: readonly RenderedFile[];
  /** sha256 over lock and rendered files (names, modes, contents): what decides whether there is anything to do. */
  readonly inputsDigest: string;
}

/** template.toml, checked and with its defaults. */
export interface TemplateSettings {
  readonly description: string;
  readonly base: { readonly image: string };
  /** apt: the .deb is installed with apt; extract: unpacked with dpkg-deb -x (Alpine). */
  readonly install: "apt" | "extract";
  readonly image: { readonly budgetMegabytes: number };
  readonly sandbox: {
    /** Name on Blaxel, from the pattern in template.toml ("mesa-{template}"). */
    readonly name: string;
    readonly memoryMegabytes: number;
    readonly ports: readonly {
      readonly name: string;
      readonly target: number;
      readonly protocol: "http" | "tcp" | "udp" | "tls";
    }[];
    readonly region?: string;
  };
  /** Extra values a team's template uses: every one must be used by the template. */
  readonly values: Readonly<Record<string, string>>;
}
