import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** How a page is looked at. */
interface Looking {
  readonly width: number;
  readonly scheme?: "light" | "dark";
  readonly print?: boolean;
}

/** A real browser with one page, driven over its own protocol. */
export interface Browser {
  open(url: string, looking: Looking): Promise<void>;
  /** The value of a JavaScript expression in the page; scripts of the page itself are switched off. */
  evaluate<T>(expression: string): Promise<T>;
  screenshot(file: string): Promise<void>;
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Chromium from Debian's packages; installed where that may be done. */
function chromium(): string {
  if (spawnSync("which", ["chromium"]).status !== 0)
    execFileSync(
      "bash",
      [
        "-c",
        "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends chromium >/dev/null",
      ],
      { stdio: "inherit", timeout: 300_000 },
    );
  return "chromium";
}

type Send = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** Requests and answers over the browser's pipe: JSON, each ended by a zero byte. */
function connection(child: ChildProcess): {
  readonly send: Send;
  session?: string;
  loaded: () => Promise<void>;
} {
  const [, , , input, output] = child.stdio as unknown as [unknown, unknown, unknown, Writable, Readable];
  const waiting = new Map<number, (message: Message) => void>();
  const events: ((message: Message) => void)[] = [];
  let [text, next] = ["", 0];
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const pieces = (text + chunk).split("\0");
    text = pieces.pop() ?? "";
    for (const piece of pieces) {
      const message = JSON.parse(piece) as Message;
      if (message.id === undefined) for (const listen of events) listen(message);
      else waiting.get(message.id)?.(message);
    }
  });
  const made: ReturnType<typeof connection> = {
    send: (method, params = {}) =>
      new Promise((done, fail) => {
        next += 1;
        waiting.set(next, ({ result, error }) => {
          if (error === undefined) done(result);
          else fail(new Error(`${method}: ${error.message}`));
        });
        const { session } = made;
        const request = {
          id: next,
          method,
          params,
          ...(session === undefined ? {} : { sessionId: session }),
        };
        input.write(`${JSON.stringify(request)}\0`);
      }),
    loaded: () =>
      new Promise((done) => {
        events.push(({ method }) => {
          if (method === "Page.loadEventFired") done();
        });
      }),
  };
  return made;
}

export async function startBrowser(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
  ];
  const child = spawn(chromium(), [...flags, `--user-data-dir=${profile}`, "--remote-debugging-pipe"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const ended = new Promise((done) => child.once("close", done));
  const link = connection(child);
  const { targetId } = (await link.send("Target.createTarget", { url: "about:blank" })) as {
    targetId: string;
  };
  const attached = (await link.send("Target.attachToTarget", { targetId, flatten: true })) as {
    sessionId: string;
  };
  link.session = attached.sessionId;
  await link.send("Page.enable");
  await link.send("Emulation.setScriptExecutionDisabled", { value: true });
  return {
    async open(url, { width, scheme = "light", print = false }) {
      await link.send("Emulation.setDeviceMetricsOverride", {
        width,
        height: 900,
        deviceScaleFactor: 1,
        mobile: width < 600,
      });
      await link.send("Emulation.setEmulatedMedia", {
        media: print ? "print" : "screen",
        features: [{ name: "prefers-color-scheme", value: scheme }],
      });
      const loaded = link.loaded();
      await link.send("Page.navigate", { url });
      await loaded;
    },
    async evaluate<T>(expression: string) {
      const { result } = (await link.send("Runtime.evaluate", { expression, returnByValue: true })) as {
        result: { value: T };
      };
      return result.value;
    },
    async screenshot(file) {
      const { data } = (await link.send("Page.captureScreenshot", { captureBeyondViewport: true })) as {
        data: string;
      };
      writeFileSync(file, Buffer.from(data, "base64"));
    },
    async close() {
      child.kill("SIGTERM");
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
