import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  freePort,
  IS_REAL,
  NEWER_KILLS,
  sandboxApiBinary,
  startSandboxApi,
  type RunningApi,
} from "./sandbox-api-process";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

let binary = "";
let api: RunningApi;
const extra: RunningApi[] = [];

beforeAll(async () => {
  binary = await sandboxApiBinary();
  api = await startSandboxApi(binary);
});

afterAll(async () => {
  await Promise.all([api, ...extra].map(async (one) => one.end()));
});

async function another(...args: Parameters<typeof startSandboxApi> extends [string, ...infer R] ? R : never) {
  const one = await startSandboxApi(binary, ...args);
  extra.push(one);
  return one;
}

async function ask(method: string, path: string, body?: unknown, base = api.base): Promise<Answer> {
  const answer = await fetch(base + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

const run = async (command: string, more: object = {}, base = api.base): Promise<Answer> =>
  ask("POST", "/process", { command, waitForCompletion: true, ...more }, base);

/** A program that listens on an address, as a command for the sandbox. */
const listenOn = (address: string, port: number): string =>
  `exec '${process.execPath}' -e 'require("net").createServer().listen(${String(port)}, "${address}")'`;

describe("HTTP", () => {
  it("forbids caching and sniffing and allows every origin, on errors too", async () => {
    for (const path of ["/health", "/process/none", "/nope"]) {
      const { headers } = await ask("GET", path);
      expect(headers.get("cache-control"), path).toContain("no-store");
      expect(headers.get("pragma")).toBe("no-cache");
      expect(headers.get("expires")).toBe("0");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  it.skipIf(IS_REAL)("says it is 0.2.50", async () => {
    expect((await ask("GET", "/health")).body).toMatchObject({ status: "ok", version: "0.2.50" });
  });

  it("welcomes at the root and knows no method it does not have", async () => {
    expect((await ask("GET", "/")).status).toBe(200);
    expect((await ask("POST", "/health")).body).toEqual({ text: "404 page not found" });
  });
});

describe("environment", () => {
  it("loads .env of the working directory, and lets what is set stand", async () => {
    const { base } = await another({ FROM_OUTSIDE: "outside", EMPTY_OUTSIDE: "" }, (work) => {
      writeFileSync(
        join(work, ".env"),
        '# comment\nFROM_FILE="in file"\nexport EXPORTED=yes # why\n\nFROM_OUTSIDE=file\nEMPTY_OUTSIDE=file\n',
      );
    });
    const { body } = await run('echo "$FROM_FILE|$EXPORTED|$FROM_OUTSIDE|$EMPTY_OUTSIDE|"', {}, base);
    expect(body["stdout"]).toBe("in file|yes|outside||\n");
  });

  it("runs commands with $SHELL, else with sh of its PATH", async () => {
    const { base } = await another({ SHELL: "bash" });
    expect((await run('echo "${BASH_VERSION:+bash}"', {}, base)).body["stdout"]).toBe("bash\n");
    const bare = await another({ PATH: "/nonexistent" });
    const { status, body } = await run("true", {}, bare.base);
    expect(status).toBe(422);
    expect(body["error"]).toContain('exec: "sh": executable file not found in $PATH');
  });

  it("gives processes the environment, the request's own over it; an empty HOME stays empty", async () => {
    const { base } = await another({ HOME: "", A: "api", B: "api" });
    expect((await run('echo "$A $B $HOME"', { env: { A: "request" } }, base)).body["stdout"]).toBe(
      "request api \n",
    );
  });

  it("cannot start anything without a folder for its logs", async () => {
    const { base } = await another({ SANDBOX_LOG_DIR: "/proc/none/logs" });
    const { status, body } = await run("true", {}, base);
    expect(status).toBe(422);
    expect(body["error"]).toMatch(
      /^failed to start process: failed to create log directory: mkdir \/proc\/none/u,
    );
  });
});

describe("processes", () => {
  it("ends with its direct child, not with grandchildren that hold its output", async () => {
    const { body } = await run("sleep 600 & echo $!");
    expect(body).toMatchObject({ exitCode: 0 });
    // The grandchild lives on: ending it works once.
    expect((await run(`kill ${String(body["stdout"]).trim()}`)).body).toMatchObject({ exitCode: 0 });
  });

  it("runs each process in its own process group", async () => {
    const { body } = await run("ps -o pgid= -p $$");
    expect(String(body["stdout"]).trim()).toBe(body["pid"]);
  });

  it("stops the whole group; a process that exits with 0 on SIGTERM has completed", async () => {
    const child = "sleep 0.6; : > child-lives";
    await ask("POST", "/process", { command: `trap 'exit 0' TERM; (${child}) & wait`, name: "polite" });
    await pause(150);
    expect((await ask("DELETE", "/process/polite")).status).toBe(200);
    await vi.waitFor(async () => {
      expect((await ask("GET", "/process/polite")).body).toMatchObject({ status: "completed", exitCode: 0 });
    });
    await pause(800);
    expect(existsSync(join(api.work, "child-lives"))).toBe(false);
  });

  it("tells null for completedAt in the list and an empty text elsewhere while it runs", async () => {
    await ask("POST", "/process", { command: "sleep 60", name: "listed" });
    const list = (await (await fetch(`${api.base}/process`)).json()) as {
      name: string;
      completedAt: unknown;
    }[];
    expect(list.find(({ name }) => name === "listed")?.completedAt).toBeNull();
    expect((await ask("GET", "/process/listed")).body["completedAt"]).toBe("");
    await ask("DELETE", "/process/listed/kill");
  });

  it("names processes at random, after a restart too", async () => {
    const names = await Promise.all(
      [await another(), await another()].map(async ({ base }) => (await run("true", {}, base)).body["name"]),
    );
    expect(names[0]).toMatch(/^proc-[a-z0-9]{8}$/u);
    expect(names[1]).not.toBe(names[0]);
  });

  it("finds by pid and by name, the newest of a name, whose logs start anew", async () => {
    await run("echo old", { name: "twice" });
    const second = await run("echo new", { name: "twice" });
    const byName = await ask("GET", "/process/twice");
    expect(byName.body).toMatchObject({ pid: second.body["pid"], stdout: "new\n" });
    expect((await ask("GET", `/process/${String(second.body["pid"])}`)).body["name"]).toBe("twice");
  });

  it("gives the last 4 MiB of a stream to who waits and the last 64 KiB to who looks", async () => {
    const mark = "[... truncated, see the process log file for the full output ...]\n";
    const { body } = await run("head -c 5000000 /dev/zero | tr '\\0' x; echo end", { name: "large" });
    expect(body["stdout"]).toHaveLength(4 * 1024 * 1024 + mark.length);
    const looked = (await ask("GET", "/process/large")).body["stdout"] as string;
    expect(looked).toHaveLength(64 * 1024 + mark.length);
    expect(looked.startsWith(`${mark}x`) && looked.endsWith("xend\n")).toBe(true);
    expect((await ask("GET", "/process/large/logs")).body["stdout"]).toHaveLength(
      4 * 1024 * 1024 + mark.length,
    );
  });

  it("restarts a process once more that was stopped between two attempts", async () => {
    const command = "echo try; exit 1";
    await ask("POST", "/process", { command, name: "again", restartOnFailure: true, maxRestarts: -1 });
    await pause(300);
    await ask("DELETE", "/process/again");
    await pause(3_000);
    const { body } = await ask("GET", "/process/again");
    expect(body["status"]).not.toBe("running");
    expect(String(body["stdout"]).split("try\n")).toHaveLength(3);
  });

  it("kills at the time-out what is kept alive", async () => {
    await ask("POST", "/process", { command: "sleep 60", name: "kept", keepAlive: true, timeout: 1 });
    await vi.waitFor(
      async () => {
        expect((await ask("GET", "/process/kept")).body["status"]).toBe("killed");
      },
      { timeout: 4_000, interval: 100 },
    );
  });

  it.skipIf(IS_REAL)(`does not bound a streamed command by its time-out (${NEWER_KILLS})`, async () => {
    const answer = await fetch(`${api.base}/process`, {
      method: "POST",
      headers: { accept: "text/event-stream" },
      body: JSON.stringify({ command: "sleep 1.5; echo late", timeout: 1 }),
    });
    const lines = (await answer.text()).trim().split("\n");
    expect(lines[0]).toBe('{"type":"stdout","data":"late\\n"}');
    expect(lines.at(-1)).toContain('\\"status\\":\\"completed\\"');
  });

  it("keeps what a process wrote in one file for both streams, too", async () => {
    await run("echo out; sleep 0.2; echo err >&2", { name: "both" });
    await vi.waitFor(() => {
      expect(readFileSync(join(api.logs, "both.log"), "utf8")).toBe("stdout:out\nstderr:err\n");
    });
  });
});

describe("waiting for ports", () => {
  it("answers when the process's own child listens on an address others reach", async () => {
    const port = await freePort();
    const { status, body } = await ask("POST", "/process", {
      command: `sleep 0.3; sh -c ${JSON.stringify(listenOn("0.0.0.0", port))}; true`,
      name: "serves",
      waitForPorts: [port],
      timeout: 10,
    });
    expect([status, body["status"]]).toEqual([200, "running"]);
    await ask("DELETE", "/process/serves/kill");
  });

  it("takes no listener on the loopback for one", async () => {
    const port = await freePort();
    const { status } = await ask("POST", "/process", {
      command: listenOn("127.0.0.1", port),
      name: "loop",
      waitForPorts: [port],
      timeout: 2,
    });
    expect(status).toBe(422);
    await ask("DELETE", "/process/loop/kill");
  });

  it("does not report another process's listener", async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "0.0.0.0", done));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { status } = await ask("POST", "/process", {
      command: "sleep 3",
      waitForPorts: [port],
      timeout: 1,
    });
    server.close();
    expect(status).toBe(422);
  });

  it("hangs without a time-out when the process is long gone", async () => {
    const waited = ask("POST", "/process", { command: "true", waitForPorts: [await freePort()] }).then(
      () => "answered",
      () => "broken off",
    );
    expect(await Promise.race([waited, pause(2_000, "hangs")])).toBe("hangs");
  });

  it("lists a process's own ports", async () => {
    const port = await freePort();
    const { body } = await ask("POST", "/process", {
      command: listenOn("0.0.0.0", port),
      name: "ports",
      waitForPorts: [port],
      timeout: 10,
    });
    const pid = Number(body["pid"]);
    const listed = await ask("GET", `/network/process/${String(pid)}/ports`);
    expect(listed.body).toMatchObject({ pid, ports: [{ localPort: port }] });
    await ask("DELETE", "/process/ports/kill");
  });
});

describe("files", () => {
  it("takes a path with %2F as absolute, any other as relative to WORKDIR", async () => {
    await ask("PUT", "/filesystem/src/a.txt", { content: "relative" });
    expect(readFileSync(join(api.work, "src/a.txt"), "utf8")).toBe("relative");
    const name = `sandbox-api-absolute-${String(process.pid)}`;
    await ask("PUT", `/filesystem/tmp%2F${name}.txt`, { content: "absolute" });
    expect(existsSync(`/tmp/${name}.txt`)).toBe(true);
    expect(existsSync(join(api.work, `tmp/${name}.txt`))).toBe(false);
    await ask("DELETE", `/filesystem/tmp%2F${name}.txt`);
    await ask("PUT", `/filesystem/tmp%2f${name}.txt`, { content: "lower case" });
    expect(existsSync(join(api.work, `tmp/${name}.txt`))).toBe(true);
  });

  it("lists WORKDIR at the root and puts ~ in HOME", async () => {
    writeFileSync(join(api.work, "here.txt"), "");
    const { body } = await ask("GET", "/filesystem/");
    expect(JSON.stringify(body["files"])).toContain("here.txt");
    await ask("PUT", "/filesystem/~/home.txt", { content: "h" });
    expect(existsSync(join(api.work, "home.txt"))).toBe(true);
  });

  it("gives a file's bytes as they are, whatever its name, and parts of it", async () => {
    await ask("PUT", "/filesystem/index.html", { content: "<p>0123" });
    const raw = await fetch(`${api.base}/filesystem/index.html?download=true`, {
      headers: { range: "bytes=3-5" },
    });
    expect([raw.status, await raw.text()]).toEqual([206, "012"]);
  });

  it("accepts permissions of a form only before the file, and keeps an existing folder", async () => {
    const put = async (path: string, ...fields: string[]): Promise<number> => {
      const form = new FormData();
      for (const field of fields) form.append(field, field === "file" ? new Blob(["x"]) : "0600");
      return (await fetch(`${api.base}/filesystem/${path}`, { method: "PUT", body: form })).status;
    };
    expect(await put("late.bin", "file", "permissions")).toBe(200);
    expect(await put("early.bin", "permissions", "file")).toBe(200);
    expect((await run("stat -c %a late.bin early.bin")).body["stdout"]).toBe("644\n600\n");
    expect(await put("nothing.bin", "permissions")).toBe(400);
    await ask("PUT", "/filesystem/stays", { isDirectory: true });
    expect(await put("stays", "file")).toBe(422);
    expect((await ask("PUT", "/filesystem/bad.txt", { content: "", permissions: "rwx" })).status).toBe(400);
  });

  it("completes no upload whose parts are not the ones it got", async () => {
    const begun = await ask("POST", "/filesystem-multipart/initiate/parts.bin", { permissions: "0600" });
    const id = String(begun.body["uploadId"]);
    const form = new FormData();
    form.append("file", new Blob(["part"]));
    await fetch(`${api.base}/filesystem-multipart/${id}/part?partNumber=1`, { method: "PUT", body: form });
    const parts = (etag: string): object => ({ parts: [{ partNumber: 1, etag }] });
    const wrong = await ask("POST", `/filesystem-multipart/${id}/complete`, parts("0".repeat(32)));
    expect(wrong.status).toBeGreaterThanOrEqual(400);
    const right = await ask(
      "POST",
      `/filesystem-multipart/${id}/complete`,
      parts(createHash("md5").update("part").digest("hex")),
    );
    expect(right.status).toBe(200);
    expect((await run("cat parts.bin; stat -c %a parts.bin")).body["stdout"]).toBe("part600\n");
  });
});

describe("the program itself", () => {
  it("writes one JSON object a line to stderr: its start, requests, commands and what processes say", async () => {
    const { base, stderr } = await another();
    await run("printf 'said\\001\\n'; echo cried >&2", {}, base);
    await vi.waitFor(() => {
      expect(stderr().match(/"source":"process"/gu)).toHaveLength(2);
      expect(stderr()).toMatch(/POST \/process 200.*\n/u);
    });
    const lines = stderr()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.some(({ msg }) => /^Starting Sandbox API server on :\d+$/u.test(String(msg)))).toBe(true);
    expect(lines).toContainEqual(
      expect.objectContaining({ source: "process", level: "info", msg: "said\u0001" }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ source: "process", level: "error", msg: "cried" }),
    );
    expect(
      lines.some(
        ({ msg, source }) => source === "access" && /^POST \/process 200 \d+ \d+ms$/u.test(String(msg)),
      ),
    ).toBe(true);
  });

  it("says nothing of what processes write when told so", async () => {
    const { base, stderr } = await another({ SANDBOX_DISABLE_PROCESS_LOGGING: "true" });
    await run("printf '%s%s\\n' sec ret", {}, base);
    await pause(200);
    expect(stderr()).not.toContain("secret");
  });

  it("exits 0 at once on SIGTERM and leaves its children alone", async () => {
    const { base, child, work } = await another();
    const [go, flag] = [join(work, "go"), join(work, "survived")];
    // It ends only when it is let go, which is after the exit.
    const command = `until [ -e '${go}' ]; do sleep 0.05; done; : > '${flag}'`;
    await ask("POST", "/process", { command }, base);
    const waiting = fetch(`${base}/process`, {
      method: "POST",
      body: JSON.stringify({ command, waitForCompletion: true }),
    }).catch(() => undefined);
    await pause(100);
    child.kill("SIGTERM");
    const code = await new Promise((done) => child.once("exit", done));
    expect(code).toBe(0);
    await waiting;
    writeFileSync(go, "");
    await vi.waitFor(() => {
      expect(existsSync(flag)).toBe(true);
    }, 2_000);
  });

  it("is reached on every address of the machine", async () => {
    const { port } = new URL(api.base);
    expect((await ask("GET", "/health", undefined, `http://[::1]:${port}`)).status).toBe(200);
  });
});
