import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { layoutAnswer } from "../registry/index";
import { sha256 } from "../support/digest";
import { hasErrno, messageOf } from "../support/errors";
import { vendoredFolder } from "./vendored-folder";

/** Below the ports that systems hand out by themselves, so that nobody else is likely to sit there. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;
const TRIES = 50;

/**
 * Serves a vendored folder on 127.0.0.1, read only: its images as a registry below /v2/, its package repository under the paths of the
 * original. The port comes from the folder's path, so that an engine meets the same names again. It does not keep the program running.
 * @returns host and port
 */
export async function serveVendored(folder: string): Promise<string> {
  const server = createServer((request, response) => {
    void answer(folder, request, response);
  });
  // A connection that is kept open must not hold up the end of the program.
  server.on("connection", (socket) => socket.unref());
  const start = Number.parseInt(sha256(folder).slice(0, 8), 16);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = FIRST_PORT + ((start + attempt) % PORTS);
    if (await listens(server, port)) {
      server.unref();
      return `127.0.0.1:${String(port)}`;
    }
  }
  throw new Error(`no free port was found on 127.0.0.1 to serve ${folder}`);
}

function listens(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      server.off("listening", listening);
      if (hasErrno(error, "EADDRINUSE")) resolve(false);
      else reject(error);
    };
    const listening = (): void => {
      server.off("error", failed);
      resolve(true);
    };
    server.once("error", failed);
    server.once("listening", listening);
    server.listen(port, "127.0.0.1");
  });
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { pathname } = new URL(request.url ?? "/", "http://vendored");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const { status, headers, body } = await (pathname.startsWith("/v2/")
      ? layoutAnswer(vendoredFolder(folder).images, pathname)
      : packageFile(vendoredFolder(folder).packages, pathname));
    response.writeHead(status, headers);
    if (request.method === "HEAD") response.end();
    else if (body instanceof Uint8Array) response.end(body);
    else
      createReadStream(body.file)
        .on("error", (error) => response.destroy(error))
        .pipe(response);
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" }).end(`${messageOf(error)}\n`);
  }
}

/** A file of the package repository, by the path of its address. */
async function packageFile(
  folder: string,
  pathname: string,
): Promise<Awaited<ReturnType<typeof layoutAnswer>>> {
  const file = join(folder, pathname);
  try {
    const { size, mtime } = await stat(file);
    const headers = {
      "content-type": "application/octet-stream",
      "content-length": String(size),
      "last-modified": mtime.toUTCString(),
    };
    return { status: 200, headers, body: { file } };
  } catch (error) {
    if (!hasErrno(error, "ENOENT") && !hasErrno(error, "ENOTDIR")) throw error;
    return { status: 404, headers: {}, body: Buffer.from("not in the vendored folder\n") };
  }
}
