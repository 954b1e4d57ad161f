import { randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { cutOff } from "../part";

/**
 * Passes a request on to the real registry, without the token it knows nothing of.
 * @param wrong `spoiled`: the answer's bytes are altered while the digest in its headers stays; `lies`: the digest in its headers is
 * another one
 */
export function forward(
  port: number,
  request: IncomingMessage,
  response: ServerResponse,
  { spoiled, lies }: { readonly spoiled: boolean; readonly lies: boolean },
): void {
  const headers = { ...request.headers };
  delete headers.authorization;
  const upstream = httpRequest(
    { host: "127.0.0.1", port, path: request.url, method: request.method, headers },
    (answer) => {
      if (lies && answer.headers["docker-content-digest"] !== undefined)
        answer.headers["docker-content-digest"] = `sha256:${randomBytes(32).toString("hex")}`;
      if (spoiled) void spoil(answer, response);
      else {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      }
    },
  );
  upstream.on("error", () => {
    cutOff(request);
  });
  response.on("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
}

async function spoil(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  // Still valid JSON with the same meaning: only who compares the digest notices.
  const bytes = Buffer.concat([...chunks, Buffer.from("\n ")]);
  response.writeHead(answer.statusCode ?? 502, { ...answer.headers, "content-length": bytes.length });
  response.end(bytes);
}
