import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  IS_REAL,
  NEWER_KILLS,
  sandboxApiBinary,
  startSandboxApi,
  type RunningApi,
} from "./sandbox-api-process";

const TRANSCRIPTS = resolve(import.meta.dirname, "../../transcripts/sandbox-api");
const ID = `t${String(process.pid)}`;

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly answer: string;
}

/** The exchanges of one transcript: `>` lines are the request, `<` lines the answer; a blank line ends the headers of each. */
function parse(text: string): Exchange[] {
  return text
    .replaceAll("{ID}", ID)
    .trim()
    .split(/\n\n(?=> )/u)
    .map((part) => {
      const sent = part
        .split("\n")
        .filter((line) => line.startsWith(">"))
        .map((line) => line.slice(2));
      const got = part
        .split("\n")
        .filter((line) => line.startsWith("<"))
        .map((line) => line.slice(2));
      const [first = "", ...rest] = sent;
      const gap = rest.indexOf("");
      const headers = Object.fromEntries(
        (gap < 0 ? rest : rest.slice(0, gap)).map((line) => [
          line.split(": ")[0] ?? "",
          line.split(": ")[1] ?? "",
        ]),
      );
      const answerGap = got.indexOf("");
      return {
        method: first.split(" ")[0] ?? "",
        path: first.slice(first.indexOf(" ") + 1),
        headers,
        body: gap < 0 ? "" : rest.slice(gap + 1).join("\n"),
        status: Number(got[0]),
        contentType: got.find((line) => line.startsWith("content-type: "))?.slice("content-type: ".length),
        answer: got.slice(answerGap + 1).join("\n"),
      };
    });
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  PID: "\\d+",
  TIME: "\\w{3}, \\d\\d \\w{3} \\d{4} [\\d:]{8} GMT",
  ISO_TIME: "[\\dT:.Z+-]+",
  NAME: "[a-z0-9]{8}",
  UPTIME: '[^"]+',
  SECONDS: "[\\d.e-]+",
};

/** What the recorded build and shell say of themselves, and may say otherwise. */
const OF_ITS_OWN: readonly (readonly [RegExp, string])[] = [
  [/go1\.\d+\.\d+/gu, "{UPTIME}"],
  [/"version":"dev"/gu, '"version":"{UPTIME}"'],
  [/"(gitCommit|buildTime)":"unknown"/gu, '"$1":"{UPTIME}"'],
  [/(\\"pid\\":\\")\d+/gu, "$1{PID}"],
];

/** A recorded body as a pattern: placeholders match what changes from run to run; a cut body is compared up to the cut. */
function pattern(recorded: string): RegExp {
  const cut = recorded.indexOf("…");
  let text = (cut < 0 ? recorded : recorded.slice(0, cut)).trimEnd();
  for (const [own, placeholder] of OF_ITS_OWN) text = text.replace(own, placeholder);
  const source = text
    .split(/\{([A-Z_]+)\}/u)
    .map((part, index) =>
      index % 2 === 1 ? (PLACEHOLDERS[part] ?? part) : part.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"),
    )
    .join("");
  return new RegExp(`^${source}${cut < 0 ? "\\s*$" : ""}`, "u");
}

/** Scenarios that stand on what others did first, in this order; the rest follows by name. */
const ORDER = [
  "exec-time-format",
  "process-list",
  "exec-background",
  "exec-duplicate-name",
  "process-get-by-name",
  "process-finishes",
  "process-logs",
  "process-stream-finished",
  "fs-write-absolute-encoded",
  "fs-read-json",
  "fs-read-raw",
  "fs-double-slash-absolute",
  "fs-list",
  "fs-mkdir",
  "fs-tree",
  "fs-upload-multipart",
  "fs-delete-non-empty",
  "fs-delete",
  "process-stop",
  "process-stop-again",
];

let api: RunningApi;
let base = "";

beforeAll(async () => {
  api = await startSandboxApi(await sandboxApiBinary());
  base = api.base;
});

afterAll(async () => {
  await api.end();
  rmSync(`/tmp/c-${ID}`, { recursive: true, force: true });
});

async function send(exchange: Exchange): Promise<Response> {
  const init: RequestInit = { method: exchange.method, headers: exchange.headers };
  if (exchange.body.startsWith("multipart/form-data with")) {
    const form = new FormData();
    form.append("permissions", "0600");
    form.append("file", new Blob([Buffer.from([0, 255, 10])]), "up.bin");
    return fetch(base + exchange.path, { method: exchange.method, body: form });
  }
  return fetch(base + exchange.path, exchange.body === "" ? init : { ...init, body: exchange.body });
}

describe("the stand-in sandbox-api gives the answers recorded from the real one", () => {
  const names = readdirSync(TRANSCRIPTS)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => name.slice(0, -4));
  const ordered = [...ORDER, ...names.filter((name) => !ORDER.includes(name)).sort()];

  it("has transcripts to compare with", () => {
    expect(names.length).toBeGreaterThan(45);
    expect(ORDER.filter((name) => !names.includes(name))).toEqual([]);
  });

  it.for(ordered)("%s", async (name, { skip }) => {
    if (IS_REAL && name === "exec-timeout-is-422-and-lives") skip(NEWER_KILLS);
    if (name === "process-finishes") await new Promise((done) => setTimeout(done, 1_300));
    for (const exchange of parse(readFileSync(join(TRANSCRIPTS, `${name}.txt`), "utf8"))) {
      const answer = await send(exchange);
      const body = await answer.text();
      expect(answer.status, exchange.path).toBe(exchange.status);
      if (exchange.contentType !== undefined)
        expect(answer.headers.get("content-type")).toBe(exchange.contentType);
      expect(body).toMatch(pattern(exchange.answer));
    }
  });
});
