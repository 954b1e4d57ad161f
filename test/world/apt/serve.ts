import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIPv4 } from "node:net";
import { join, normalize } from "node:path";
import { cutOff, listenEverywhere, type WorldTools } from "../part";
import { answerFor } from "./conditional";
import { npmAnswer } from "./npm";
import { variantChooser } from "./variants";

type Tools = Pick<WorldTools, "config" | "faults" | "requests">;

/** What is served: the repository of the moment (good/ and its variants) and the key. */
export interface Served {
  readonly root: () => string;
  readonly keyPath: string;
}

const REGISTRY = "/mesa-dot-dev/debian-public/";
/** npm's registry as a mirror of downloads has it: the host is the first part of the path. */
const NPM = "/get/registry.npmjs.org";

/** Serves a repository under the paths of Buildkite's package registry. Gives what ends it. */
export function serveRepository(tools: Tools, served: Served): Promise<() => Promise<void>> {
  const chooseVariant = variantChooser(tools.faults, Date.now);
  return listenEverywhere(tools.config, tools.config.ports.apt, (request, response) => {
    void serve(tools, served, chooseVariant, request, response);
  });
}

async function serve(
  { faults, requests, config }: Tools,
  served: Served,
  chooseVariant: (name: string) => string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? "/", "http://world").pathname;
  const method = request.method ?? "GET";
  response.on("finish", () => {
    requests.add({ to: "apt", method, path, status: response.statusCode });
  });
  if (faults.take("apt-down") !== undefined) {
    requests.add({ to: "apt", method, path, status: 0 });
    cutOff(request);
    return;
  }
  if (path.startsWith(NPM)) {
    const answer = method === "GET" ? await npmAnswer(decodeURIComponent(path.slice(NPM.length))) : undefined;
    if (answer === undefined) refuse(response, 404);
    else response.writeHead(200, { "content-length": answer.length }).end(answer);
    return;
  }
  if (path === `${REGISTRY}gpgkey`) {
    await send(request, response, served.keyPath, false);
    return;
  }
  if (!path.startsWith(`${REGISTRY}any/`)) {
    refuse(response, 404);
    return;
  }
  if (faults.take("apt-http-redirect") !== undefined) {
    const host = otherNameOf(request.headers.host ?? "", config.gateway);
    response.writeHead(302, { Location: `http://${host}:${String(config.ports.apt)}${path}` }).end();
    return;
  }
  const name = normalize(decodeURIComponent(path.slice(`${REGISTRY}any/`.length)));
  if (name.startsWith("..")) {
    refuse(response, 400);
    return;
  }
  const variant = chooseVariant(name);
  const good = join(served.root(), "good", name);
  const wrong = variant === undefined ? undefined : join(served.root(), variant, name);
  const isPool = name.startsWith("pool/");
  const chosen = wrong !== undefined && (!isPool || (await isThere(wrong))) ? wrong : good;
  const spoiled = isPool && name.endsWith(".deb") && faults.take("apt-deb-hash") !== undefined;
  await send(request, response, chosen, spoiled);
}

/** Another name for the host that was asked, under which it really answers: its address as IPv6 writes it. */
function otherNameOf(hostHeader: string, gateway: string): string {
  const asked = hostHeader.replace(/:\d+$/u, "");
  return `[::ffff:${isIPv4(asked) ? asked : gateway}]`;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "Content-Type": "text/plain" }).end("not found\n");
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  spoiled: boolean,
): Promise<void> {
  if (!(await isThere(path))) {
    refuse(response, 404);
    return;
  }
  const bytes = await readFile(path);
  const data = spoiled ? withOneBitTurned(bytes) : bytes;
  const etag = `"${createHash("sha256").update(data).digest("hex").slice(0, 32)}"`;
  const { mtime } = await stat(path);
  const modified = spoiled ? new Date(mtime.getTime() + 1000) : mtime;
  const answer = answerFor(request.headers, { size: data.length, etag, modified });
  response.writeHead(answer.status, { "Content-Type": "application/octet-stream", ...answer.headers });
  response.end(request.method === "HEAD" ? undefined : data.subarray(answer.start, answer.end));
}

function withOneBitTurned(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  const last = copy.length - 1;
  copy.writeUInt8((copy.readUInt8(last) ^ 1) & 255, last);
  return copy;
}
