import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { session } from "./api";
import { call } from "./call";
import { DEPLOY_FLAGS, parseFlags, PUSH_FLAGS, type FlagTable } from "./flags";
import { send } from "./http";
import { get, logs, remove } from "./read";

const VERSION = "0.1.108";

async function fault(name: string, command = ""): Promise<boolean> {
  const base = (call().env["BL_API_URL"] ?? "").replace(/\/$/u, "");
  if (base === "") return false;
  try {
    const { text } = await send("GET", `${base}/_world/faults/${name}/take?command=${command}`);
    return (JSON.parse(text) as { on: boolean }).on;
  } catch {
    return false;
  }
}

function help(command: string, table: FlagTable): string {
  const flags = Object.entries(table).map(
    ([name, { value, short }]) =>
      `  ${short === undefined ? "   " : `-${short},`} --${name}${value ? " string" : ""}`,
  );
  return `Usage:\n  bl ${command} [flags]\n\nFlags:\n${flags.join("\n")}\n`;
}

/** Every command but deploy takes .env of the working directory into its environment. */
function loadDotEnv(): void {
  let text: string;
  try {
    text = readFileSync(join(call().cwd, ".env"), "utf8");
  } catch {
    return;
  }
  for (const line of text.split("\n")) {
    const [, key, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/u.exec(line) ?? [];
    if (key !== undefined && key !== "BL_WORKSPACE" && call().env[key] === undefined)
      call().env[key] = (value ?? "").replace(/^["']|["']$/gu, "");
  }
}

/** Runs bl with these words. @returns its exit code */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "--version") {
    call().out(`bl version ${(await fault("bl-old")) ? "0.1.90" : VERSION}\n`);
    return 0;
  }
  if ((call().env["HOME"] ?? "") === "") {
    call().err("failed to create client: $HOME is not defined\n");
    return 1;
  }
  const [command = "help", ...rest] = argv;
  const tables: Readonly<Record<string, FlagTable>> = {
    deploy: DEPLOY_FLAGS,
    push: PUSH_FLAGS,
    get: { latest: { value: false }, watch: { value: false }, all: { value: false } },
    delete: {},
    logs: {
      period: { value: true },
      "no-timestamps": { value: false },
      follow: { value: false, short: "f" },
    },
    version: {},
    login: {},
  };
  const name = { d: "deploy", dp: "deploy" }[command] ?? command;
  const table = tables[name];
  if (table === undefined) {
    call().out(
      `Usage:\n  bl [command]\n\nAvailable Commands:\n${Object.keys(tables)
        .map((word) => `  ${word}`)
        .join("\n")}\n`,
    );
    return command === "help" || command === "--help" || command === "-h" ? 0 : 1;
  }
  const parsed = parseFlags(rest, table);
  if (parsed.flags["help"] !== undefined) {
    call().out(help(name, table));
    return 0;
  }
  if (parsed.error !== undefined) {
    call().err(`Error: ${parsed.error}\n${help(name, table)}\nError ${parsed.error}\n`);
    return 1;
  }
  if (name === "version") {
    call().out(
      `ℹ Blaxel CLI\nVersion: ${VERSION}\nCommit: c47b38ac8de6d07c9827e4b904ad78aabb8ac103\nDate: 2026-08-06T00:00:00Z\n`,
    );
    return 0;
  }
  if (name === "deploy" || name === "push") {
    if (await fault("bl-panics")) {
      call().err(
        "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation]\n\ngoroutine 1 [running]:\nmain.main()\n",
      );
      return 2;
    }
    if (await fault("bl-no-json")) {
      call().out("Deployed.\n");
      return 0;
    }
    if (await fault("bl-noise"))
      call().out("Build args: 2 variable(s) detected\nIt appears that the $X variable is not set\n");
  }
  if (name !== "version" && (await fault("bl-hangs", name))) {
    spawn("sleep", ["181"], { stdio: "ignore" });
    await new Promise((done) => setTimeout(done, 180_000));
    return 1;
  }
  if (name !== "deploy") loadDotEnv();
  const who = await session(parsed.flags["workspace"]?.[0]);
  if (who === undefined) {
    call().err(
      "✗ Login required failed\nReason: no workspace configured. Please run 'bl login' first to authenticate\n",
    );
    return 1;
  }
  if (who.headers["Authorization"] === undefined) {
    call().err(
      `⚠ Invalid credentials for workspace '${who.workspace}'\n\n⚠ Please run 'bl login ${who.workspace}' to refresh your credentials.\n\n`,
    );
  }
  if (name === "deploy") return (await import("./deploy")).deploy(parsed, who);
  if (name === "push") return (await import("./push")).push(parsed, who);
  if (name === "get") return get(parsed, who);
  if (name === "delete") return remove(parsed, who);
  return logs(parsed, who);
}
