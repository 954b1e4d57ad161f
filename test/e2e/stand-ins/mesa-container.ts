import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Said {
  readonly code: number;
  readonly out: string;
}

/** A container with what a mount needs, from the world's own Debian image. */
export interface MesaContainer {
  /** Runs a script by sh; stdout and stderr together. */
  run(
    script: string,
    options?: { readonly env?: Readonly<Record<string, string>>; readonly user?: string },
  ): Promise<Said>;
  remove(): Promise<void>;
}

function docker(args: readonly string[], timeout = 180_000): Promise<Said> {
  return new Promise((done) => {
    execFile("docker", [...args], { timeout, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      done({ code, out: `${stdout}${stderr}` });
    });
  });
}

async function ok(args: readonly string[]): Promise<string> {
  const { code, out } = await docker(args);
  if (code !== 0) throw new Error(`docker ${args.join(" ")}: ${out}`);
  return out.trim();
}

/** What the world's upstream.toml says of a name in it. */
function upstreamSays(name: string): string {
  const text = readFileSync(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "", "utf8");
  return new RegExp(`^${name} = "(.*)"$`, "mu").exec(text)?.[1] ?? "";
}

/** The address of Mesa's package repository as containers reach it, without a slash at the end. */
export function repositoryUrl(): string {
  return `${upstreamSays("packages")}${new URL(upstreamSays("repository")).pathname}`;
}

export async function startMesaContainer(): Promise<MesaContainer> {
  const image = `${upstreamSays("images")}docker.io/library/debian:bookworm-slim`;
  await ok(["pull", "-q", image]);
  const fuse = ["--device", "/dev/fuse", "--cap-add", "SYS_ADMIN"];
  const id = await ok([
    "run",
    "-d",
    "--init",
    ...fuse,
    "--label",
    "mesa-template.test=mesa",
    image,
    "sleep",
    "1800",
  ]);
  return {
    run: (script, { env = {}, user = "root" } = {}) =>
      docker([
        "exec",
        "-u",
        user,
        ...Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
        id,
        "timeout",
        "120",
        "sh",
        "-c",
        `exec 2>&1; ${script}`,
      ]),
    remove: async () => {
      await docker(["rm", "-f", id]);
    },
  };
}
