import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { WorldConfig } from "../config";

/**
 * What stands in for bl. To look at something takes less than to start node for it: the world does that, and bl's own process only asks
 * for it (serve.ts). What sends, or is to hang, is done in the own process, which can be ended while it does.
 */
const script = (program: string, port: number): string => `#!/bin/bash
LC_ALL=C
if [[ \${1-} == @(get|logs|--version) || " $* " == *" --dryrun "* ]] && [[ \${BL_API_URL-} == http://127.0.0.1:${String(port)} ]]; then
  call=$PWD
  for name in HOME TMPDIR BL_API_URL BL_WORKSPACE BL_API_KEY; do [[ ! -v $name ]] || call+=$'\\n'$name=\${!name}; done
  printf -v words '\\n%s' "$@"
  call+=$'\\n'$words
  exec 3<>/dev/tcp/127.0.0.1/${String(port)}
  printf 'POST /_world/bl HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n%s' \${#call} "$call" >&3
  while IFS= read -r line <&3; do
    case $line in
      1*) printf '%s\\n' "\${line:1}" ;;
      2*) printf '%s\\n' "\${line:1}" >&2 ;;
      0*) exit "\${line:1}" ;;
    esac
  done
fi
exec '${process.execPath}' '${program}' "$@"
`;

/** Puts `bl` into the world's bin folder: the stand-in, bundled into one file, or a link to WORLD_BL. */
export async function installBl(config: WorldConfig): Promise<void> {
  const bin = join(config.dir, "bin");
  const path = join(bin, "bl");
  await mkdir(bin, { recursive: true });
  await rm(path, { force: true });
  if (config.swaps.bl !== undefined) {
    await symlink(resolve(config.swaps.bl), path);
    return;
  }
  const program = join(config.dir, "bl.mjs");
  await build({
    entryPoints: [join(config.source, "bl/program.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    banner: {
      js: `import{createRequire as __r}from"node:module";const require=__r(import.meta.url);`,
    },
    logLevel: "error",
    allowOverwrite: true,
  });
  await writeFile(path, script(program, config.ports.blaxel), { mode: 0o755 });
}
