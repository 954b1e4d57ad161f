import { execFileSync } from "node:child_process";

/** Runs git in a folder as somebody, whatever the machine's git knows; answers with what it printed. */
export function git(cwd: string, ...args: readonly string[]): string {
  const who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  return execFileSync("git", [...who, ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
