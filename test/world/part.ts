import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type Docker from "dockerode";
import type { WorldConfig } from "./config";
import type { FaultBoard } from "./faults";
import type { RequestLog } from "./request-log";

/** What every part of the world is given. */
export interface WorldTools {
  readonly config: WorldConfig;
  readonly docker: Docker;
  readonly faults: FaultBoard;
  readonly requests: RequestLog;
  /** How often all connections between mounts and Mesa were cut: what was mounted before the last time gets no answer any more. */
  readonly connections: { cuts: number; hang: boolean };
  readonly log: (line: string) => void;
}

/** A part of the world that can be ended and made new. */
export interface WorldPart {
  close(): Promise<void>;
  reset(): Promise<void>;
}

/** Listens on the loopback and on the bridge's gateway, so that host and containers reach it at the same port. */
export async function listenEverywhere(
  config: WorldConfig,
  port: number,
  handle: RequestListener,
): Promise<() => Promise<void>> {
  const servers = await Promise.all(
    [...new Set(["127.0.0.1", config.gateway])].map((host) => listen(host, port, handle)),
  );
  return async () => {
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => {
              resolve();
            });
            server.closeAllConnections();
          }),
      ),
    );
  };
}

function listen(host: string, port: number, handle: RequestListener): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ keepAlive: true }, handle);
    server.requestTimeout = 0;
    server.on("error", reject);
    server.listen(port, host, () => {
      resolve(server);
    });
  });
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Answers with JSON. */
export function answerJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    ...headers,
  });
  response.end(body);
}

/** Cuts the connection without an answer, as a server does that is down. */
export function cutOff(request: IncomingMessage): void {
  request.socket.destroy();
}
