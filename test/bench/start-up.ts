import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { atLeast, atMost, sideBySide, timed, type Row } from "./measure";

const PEERS = ".bench/peers";

/** The programs that people compare with, from npm, in a folder of their own. */
function installPeers(): void {
  if (existsSync(`${PEERS}/node_modules/e2b`)) return;
  mkdirSync(PEERS, { recursive: true });
  writeFileSync(`${PEERS}/package.json`, JSON.stringify({ private: true }));
  execFileSync(
    "npm",
    [
      "install",
      "--prefix",
      PEERS,
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      "--ignore-scripts",
      "@e2b/cli",
      "@devcontainers/cli",
      "e2b",
    ],
    { stdio: "inherit" },
  );
}

export function rows(): readonly Row[] {
  installPeers();
  const node = process.execPath;
  const program = "dist/mesa-template.js";
  const [bare, command, version, help, completion, e2b, devcontainers] = sideBySide(11, [
    () => timed(node, ["-e", "0"]),
    () => timed(node, [program, "list"]),
    () => timed(node, [program, "--version"]),
    () => timed(node, [program, "--help"]),
    () => timed(node, [program, "--complete", "mesa-template", "release", "--pub"]),
    () => timed(node, [`${PEERS}/node_modules/@e2b/cli/dist/index.js`, "--version"]),
    () => timed(node, [`${PEERS}/node_modules/@devcontainers/cli/devcontainer.js`, "--version"]),
  ]) as [number, number, number, number, number, number, number];
  return [
    atMost("start-up: --version", version, bare, 1.4, "node -e 0"),
    atMost("start-up: --help", help, bare, 1.4, "node -e 0"),
    atMost("start-up: a command (list)", command, bare, 2.2, "node -e 0"),
    atMost("start-up: shell completion", completion, bare, 2.2, "node -e 0"),
    atLeast("start-up: --version against e2b", version, e2b, 3, "e2b --version"),
    atLeast("start-up: --version against devcontainer", version, devcontainers, 1, "devcontainer --version"),
  ];
}
