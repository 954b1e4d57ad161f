import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { worldPath } from "../config";
import { buildImage, hasImage, inputsHash } from "../engine";
import type { FaultName } from "../faults";
import { cutOff, listenEverywhere, type WorldPart, type WorldTools } from "../part";
import { unpackFrom } from "./unpack";

export interface AptPart extends WorldPart {
  /** The public key, ASCII-armoured, on the host. */
  readonly keyPath: string;
  readonly fingerprint: string;
}

const PREFIX = "/mesa-dot-dev/debian-public/any/";

/** Faults that show another variant of the index (or of the pool). */
const VARIANTS: readonly (readonly [FaultName, string])[] = [
  ["apt-unsigned", "unsigned"],
  ["apt-wrong-key", "wrong-key"],
  ["apt-expired-key", "expired-key"],
  ["apt-expired-index", "expired-index"],
  ["apt-index-hash", "index-hash"],
  ["apt-downgraded", "downgraded"],
  ["apt-deb-version", "deb-version"],
];

/** The repository in files: compiled, packed and signed in the toolchain image, kept under the hash of what it is made from. */
async function makeRepository(tools: WorldTools, toolchain: string): Promise<string> {
  const { config, docker } = tools;
  const folder = join(config.source, "mesa/program");
  const names = (await readdir(folder)).sort();
  const sources = await Promise.all(names.map((name) => readFile(join(folder, name))));
  const api = `http://${config.gateway}:${String(config.ports.mesa)}`;
  const hash = inputsHash(api, ...sources);
  const target = worldPath(config, `apt-${hash}`);
  if (
    await stat(target).then(
      () => true,
      () => false,
    )
  )
    return target;
  const tag = `mesa-template-world/repository:${hash}`;
  if (!(await hasImage(docker, tag))) {
    tools.log("compiling the stand-in mesa and signing its package repository");
    const files: Record<string, Buffer | string> = {
      Dockerfile: `FROM ${toolchain}\nCOPY . /src/\nRUN sh /src/make-repository.sh ${api}\n`,
    };
    for (const [index, name] of names.entries()) files[name] = sources[index] ?? "";
    await buildImage(docker, files, { tag });
  }
  const part = `${target}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  await unpackFrom(docker, tag, "/out.tar", part);
  await rename(part, target);
  return target;
}

/** Serves Mesa's package repository with its signature chain, and its faults. */
export async function startApt(tools: WorldTools, toolchain: string): Promise<AptPart> {
  const root = await makeRepository(tools, toolchain);
  const fingerprint = await readFile(join(root, "fingerprint"), "utf8");
  const close = await listenEverywhere(tools.config, tools.config.ports.apt, (request, response) => {
    void serve(tools, root, request, response);
  });
  return { close, reset: () => Promise.resolve(), keyPath: join(root, "key.asc"), fingerprint };
}

async function serve(
  tools: WorldTools,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults, requests, config } = tools;
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
  if (faults.peek("apt-http-redirect") !== undefined && path.startsWith(PREFIX)) {
    faults.take("apt-http-redirect");
    response
      .writeHead(302, { Location: `http://packages.elsewhere.invalid:${String(config.ports.apt)}${path}` })
      .end();
    return;
  }
  if (path === "/mesa-dot-dev/debian-public/gpgkey") {
    await send(request, response, join(root, "key.asc"), false);
    return;
  }
  if (!path.startsWith(PREFIX)) {
    response.writeHead(404).end("not found\n");
    return;
  }
  const name = normalize(decodeURIComponent(path.slice(PREFIX.length)));
  if (name.startsWith("..")) {
    response.writeHead(400).end();
    return;
  }
  const variant = VARIANTS.find(([fault]) => faults.peek(fault) !== undefined);
  if (variant !== undefined && name.endsWith("elease")) faults.take(variant[0]);
  const inVariant = variant === undefined ? undefined : join(root, variant[1], name);
  const indexOnly = variant !== undefined && name.startsWith("dists/");
  const chosen =
    inVariant !== undefined &&
    (indexOnly ||
      (await stat(inVariant).then(
        () => true,
        () => false,
      )))
      ? inVariant
      : join(root, "good", name);
  await send(request, response, chosen, name.endsWith(".deb") && faults.take("apt-deb-hash") !== undefined);
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  spoiled: boolean,
): Promise<void> {
  let data: Buffer;
  let modified: Date;
  try {
    [data, { mtime: modified }] = await Promise.all([readFile(path), stat(path)]);
  } catch {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
    return;
  }
  if (spoiled)
    data = Buffer.concat([data.subarray(0, data.length - 1), Buffer.from([(data.at(-1) ?? 0) ^ 255])]);
  const etag = `"${createHash("sha256").update(data).digest("hex").slice(0, 32)}"`;
  const headers = { ETag: etag, "Last-Modified": modified.toUTCString(), "Accept-Ranges": "bytes" };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, {
    ...headers,
    "Content-Type": "application/octet-stream",
    "Content-Length": data.length,
  });
  response.end(request.method === "HEAD" ? undefined : data);
}
