import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, onTestFinished } from "vitest";

/** A server on this machine during each test of a file or block. */
export function localServer(listener: RequestListener): { readonly url: string } {
  let server: Server;
  beforeEach(async () => {
    server = createServer(listener);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    get url() {
      return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    },
  };
}

/** A server until the test ends. @param at a socket; default: a free port of this machine */
export async function serverUntilEnd(listener: RequestListener, at?: string): Promise<Server> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((done) => {
    if (at === undefined) server.listen(0, "127.0.0.1", done);
    else server.listen(at, done);
  });
  return server;
}
