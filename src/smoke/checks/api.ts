import type { SandboxInstance } from "@blaxel/core";
import { blaxelCoreUnsigned } from "../../blaxel/core";
import { messageOf } from "../../support/errors";
import type { Check, CheckVerdict, Subject } from "../check";
import { failed, PASSED } from "./verdicts";

/** @blaxel/core pointed at a subject's API. With forceUrl it needs no account and calls no control plane. */
async function blaxelProcess(subject: Subject): Promise<SandboxInstance> {
  const { SandboxInstance: Instance } = await blaxelCoreUnsigned();
  return new Instance({
    metadata: { name: "smoke" },
    spec: {},
    forceUrl: subject.api.url,
    headers: { ...subject.api.headers },
  });
}

/** A check through the API: a refusal by the API is a failed check with its message. */
const own = (name: string, run: (subject: Subject) => Promise<CheckVerdict>): Check => ({
  name,
  needs: "subject",
  limitMs: 30_000,
  run: (subject) =>
    run(subject).catch((error: unknown) =>
      failed(
        messageOf(error),
        "The API refused an ordinary request: check that its log folder is writable, sh is on PATH and the working folder exists.",
      ),
    ),
});

/** What an agent does through the sandbox API, with the SDK that agents use. */
export const API_CHECKS: readonly Check[] = [
  own("the sandbox API answers /health", async (subject) => {
    const response = await subject.request(8080, "/health");
    const body = (await response.json()) as { readonly status?: unknown };
    return body.status === "ok"
      ? PASSED
      : failed(JSON.stringify(body), "The API answers, but does not report healthy.");
  }),
  own("a command runs through the API", async (subject) => {
    const sandbox = await blaxelProcess(subject);
    const result = await sandbox.process.exec({ command: "echo out; echo err >&2", waitForCompletion: true });
    return result.exitCode === 0 && result.stdout === "out\n" && result.stderr === "err\n"
      ? PASSED
      : failed(
          JSON.stringify({ exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr }),
          "The API must run commands with sh and return their outputs.",
        );
  }),
  own("a command that fails is reported as failed", async (subject) => {
    const sandbox = await blaxelProcess(subject);
    const result = await sandbox.process.exec({ command: "exit 7", waitForCompletion: true });
    return result.exitCode === 7 && result.status === "failed"
      ? PASSED
      : failed(
          `exitCode ${String(result.exitCode)}, status ${result.status}`,
          "Agents would treat a failed command as successful.",
        );
  }),
  own("a file written through the API is read back", async (subject) => {
    const sandbox = await blaxelProcess(subject);
    const text = `smoke ${String(process.pid)}\n`;
    await sandbox.fs.write("/tmp/smoke-file.txt", text);
    const seen = await sandbox.fs.read("/tmp/smoke-file.txt");
    await sandbox.fs.rm("/tmp/smoke-file.txt");
    return seen === text ? PASSED : failed(JSON.stringify(seen), "The API does not return what was written.");
  }),
];
