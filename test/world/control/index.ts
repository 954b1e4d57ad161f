import { createServer } from "node:http";
import type { FaultBoard } from "../faults";
import { answerJson, bodyOf } from "../part";
import type { RequestLog, RequestTarget } from "../request-log";

export interface Controls {
  readonly faults: FaultBoard;
  readonly requests: RequestLog;
  readonly state: () => Record<string, unknown>;
  readonly reset: () => Promise<void>;
  /** World-only wishes of tests, e.g. another image under a tag. */
  readonly wish: (wish: Readonly<Record<string, unknown>>) => Promise<unknown>;
}

/** The world's own HTTP interface, on the loopback only. */
export async function startControl(port: number, controls: Controls): Promise<() => Promise<void>> {
  const { faults, requests } = controls;
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? "/", "http://world");
      const [, room = "", name] = url.pathname.split("/");
      const method = request.method ?? "GET";
      const body = (await bodyOf(request)).toString("utf8");
      const json = (): Record<string, unknown> =>
        body === "" ? {} : (JSON.parse(body) as Record<string, unknown>);
      if (room === "faults" && method === "GET") answerJson(response, 200, faults.list());
      else if (room === "faults" && method === "POST") {
        const { name: wanted, times, args } = json();
        const known = faults.on(
          String(wanted),
          typeof times === "number" ? times : undefined,
          (args ?? {}) as Record<string, unknown>,
        );
        if (known) answerJson(response, 200, { ok: true });
        else
          answerJson(response, 404, {
            error: `There is no fault ${String(wanted)}`,
            faults: faults.list().map((fault) => fault.name),
          });
      } else if (room === "faults" && method === "DELETE") {
        faults.off(name);
        answerJson(response, 200, { ok: true });
      } else if (room === "requests" && method === "GET") {
        answerJson(
          response,
          200,
          requests.list((url.searchParams.get("to") ?? undefined) as RequestTarget | undefined),
        );
      } else if (room === "requests" && method === "DELETE") {
        requests.clear();
        answerJson(response, 200, { ok: true });
      } else if (room === "state" && method === "GET") answerJson(response, 200, controls.state());
      else if (room === "state" && method === "DELETE") {
        faults.off();
        await controls.reset();
        requests.clear();
        answerJson(response, 200, { ok: true });
      } else if (room === "wishes" && method === "POST")
        answerJson(response, 200, { ok: true, answer: await controls.wish(json()) });
      else answerJson(response, 404, { error: `no such thing: ${method} ${url.pathname}` });
    })().catch((error: unknown) => {
      answerJson(response, 500, { error: String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
}
