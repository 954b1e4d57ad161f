import { execFileSync } from "node:child_process";

/** Whether a program is on PATH (or at a path). */
export function isOnPath(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
