import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SandboxInstance } from "@blaxel/core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { sandboxApiBinary, startSandboxApi, type RunningApi } from "./sandbox-api-process";

let api: RunningApi;
let sandbox: SandboxInstance;
let folder = "";

beforeAll(async () => {
  api = await startSandboxApi(await sandboxApiBinary());
  folder = join(api.work, "core");
  sandbox = new SandboxInstance({
    metadata: { name: "local" },
    spec: {},
    forceUrl: api.base,
    headers: {},
  });
});

afterAll(async () => {
  await api.end();
});

it("runs a failing command and tells its exit code and both streams", async () => {
  const failed = await sandbox.process.exec({
    command: "echo out; echo err >&2; exit 4",
    waitForCompletion: true,
  });
  expect([failed.exitCode, failed.stdout, failed.stderr]).toEqual([4, "out\n", "err\n"]);
});

it("streams output while the command runs", async () => {
  const seen: string[] = [];
  const errors: string[] = [];
  const go = join(api.work, "go-on");
  const streamed = await sandbox.process.exec({
    // It goes on only when its first line was seen.
    command: `echo one; until [ -e '${go}' ]; do sleep 0.05; done; echo two; echo bad >&2`,
    waitForCompletion: true,
    onStdout: (text: string) => {
      seen.push(text);
      writeFileSync(go, "");
    },
    onStderr: (text: string) => void errors.push(text),
  });
  expect(streamed.exitCode).toBe(0);
  expect(seen.join("")).toBe("one\ntwo\n");
  expect(errors.join("")).toBe("bad\n");
});

it("tells a time-out as an error", async () => {
  await expect(
    sandbox.process.exec({ command: "sleep 3", waitForCompletion: true, timeout: 1 }),
  ).rejects.toThrow("timed out after 1 seconds");
});

it("gets, lists, reads the logs of, stops and kills processes", async () => {
  const started = await sandbox.process.exec({ command: "echo up; sleep 60", name: "core-stop" });
  expect(started.status).toBe("running");
  await vi.waitFor(async () => {
    expect(await sandbox.process.logs("core-stop")).toBe("up\n");
  });
  expect((await sandbox.process.list()).map(({ name }) => name)).toContain("core-stop");
  await sandbox.process.stop("core-stop");
  expect((await sandbox.process.get("core-stop")).status).toBe("stopped");
  await sandbox.process.exec({ command: "trap '' TERM; sleep 60", name: "core-kill" });
  await sandbox.process.kill("core-kill");
  expect((await sandbox.process.get("core-kill")).status).toBe("killed");
});

it("streams the logs of a process that runs, its backlog first", async () => {
  const lines: string[] = [];
  await sandbox.process.exec({ command: "echo first; sleep 0.4; echo second", name: "core-follow" });
  const stream = sandbox.process.streamLogs("core-follow", {
    onLog: (line: string) => void lines.push(line),
  });
  await vi.waitFor(() => {
    expect(lines.map((line) => line.trim())).toEqual(["first", "second"]);
  }, 5_000);
  stream.close();
});

it("writes, reads, lists and removes files and folders", async () => {
  await sandbox.fs.mkdir(`${folder}/d`);
  await sandbox.fs.write(`${folder}/d/a b.txt`, "from core <&>");
  expect(await sandbox.fs.read(`${folder}/d/a b.txt`)).toBe("from core <&>");
  const listed = await sandbox.fs.ls(folder);
  expect(listed.subdirectories.map(({ name }) => name)).toEqual(["d"]);
  await sandbox.fs.writeTree(
    [
      { path: "x/one.txt", content: "1" },
      { path: "two.txt", content: "2" },
    ],
    `${folder}/tree`,
  );
  expect(readFileSync(`${folder}/tree/x/one.txt`, "utf8")).toBe("1");
  expect((await sandbox.fs.ls(`${folder}/tree`)).files.map(({ name }) => name)).toEqual(["two.txt"]);
  await sandbox.fs.rm(`${folder}/d/a b.txt`);
  await expect(sandbox.fs.read(`${folder}/d/a b.txt`)).rejects.toThrow("no such file or directory");
  await sandbox.fs.rm(`${folder}/tree`, true);
  await expect(sandbox.fs.ls(`${folder}/tree`)).rejects.toThrow();
});

it.each([
  ["a small file, by one form", 4_096],
  ["a file over 5 MiB, in parts", 11 * 1024 * 1024 + 3],
])("moves bytes unchanged: %s", async (_, size) => {
  const bytes = randomBytes(size);
  const path = `${folder}/bytes-${String(size)}.bin`;
  await sandbox.fs.writeBinary(path, bytes);
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o644);
  const back = await sandbox.fs.readBinary(path);
  expect(Buffer.from(await back.arrayBuffer()).equals(bytes)).toBe(true);
});

it("keeps uploads in parts apart when several run at once", async () => {
  const sizes = [1, 2, 3].map((extra) => 5 * 1024 * 1024 + extra);
  await sandbox.fs.writeBinary(`${folder}/before.bin`, randomBytes(6 * 1024 * 1024));
  const files = sizes.map((size) => ({
    path: `${folder}/many-${String(size)}.bin`,
    bytes: randomBytes(size),
  }));
  await Promise.all(files.map(async ({ path, bytes }) => sandbox.fs.writeBinary(path, bytes)));
  for (const { path, bytes } of files) expect(readFileSync(path).equals(bytes)).toBe(true);
});

it("has no drives", async () => {
  expect(await sandbox.drives.list()).toEqual([]);
});
