import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Sandbox } from "./state";

const PAGE = (status: number, text: string): string =>
  `<html>\r\n<head><title>${String(status)} ${text}</title></head>\r\n<body>\r\n<center><h1>${String(status)} ${text}</h1></center>\r\n</body>\r\n</html>\r\n`;

/** An error page as gateways give them: HTML, not JSON. */
export function gatewayPage(response: ServerResponse, status: 502 | 504, text: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "Content-Type": "text/html" }).end(PAGE(status, text));
}

/** The edge's limits: what takes longer than 60 s to begin is cut off, what is larger than 5 MB is refused. */
export const EDGE_LIMIT_MS = 60_000;
const LIMIT_BYTES = 5_000_000;

/** Where a path of a sandbox's address leads: /port/N/… to that port, where it was declared, all else to the sandbox's API. */
function route(sandbox: Sandbox, path: string): { readonly port: number | undefined; readonly path: string } {
  const [, target, rest] = /^\/port\/(\d+)(.*)$/u.exec(path) ?? [];
  if (target === undefined) return { port: sandbox.port, path };
  return {
    port: sandbox.routed.get(Number(target)),
    path: rest?.startsWith("/") === true ? rest : `/${rest ?? ""}`,
  };
}

/** Lets a request through to the sandbox, streaming both ways; one that is not answered within `limitMs` is cut off. */
export function proxyTo(
  sandbox: Sandbox | undefined,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  limitMs: number,
): void {
  const to = sandbox === undefined || sandbox.unhealthy ? undefined : route(sandbox, path);
  if (to?.port === undefined) {
    request.resume();
    gatewayPage(response, 502, "Bad Gateway");
    return;
  }
  if (Number(request.headers["content-length"] ?? 0) > LIMIT_BYTES) {
    response.writeHead(413).end();
    return;
  }
  const upstream = httpRequest(
    {
      host: "127.0.0.1",
      port: to.port,
      path: to.path,
      method: request.method,
      headers: { ...request.headers, connection: "close" },
    },
    (answer) => {
      clearTimeout(timer);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on("error", () => {
        response.destroy();
      });
    },
  );
  const timer = setTimeout(() => {
    upstream.destroy();
    gatewayPage(response, 504, "Gateway Timeout");
  }, limitMs);
  upstream.on("error", () => {
    clearTimeout(timer);
    gatewayPage(response, 502, "Bad Gateway");
  });
  response.on("close", () => {
    upstream.destroy();
  });
  request.pipe(upstream);
}
