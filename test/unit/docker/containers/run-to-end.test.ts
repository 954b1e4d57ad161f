import { expect, it } from "vitest";
import { containersOf } from "../../../../src/docker/containers/containers";
import { dockerAt } from "../fixture/docker-at";
import { testHost } from "../../lock/fixture/test-host";
import type { ExecResult } from "../../../../src/docker/engine";

const FRAME = Buffer.from([1, 0, 0, 0, 0, 0, 0, 3, ...Buffer.from("out")]);

/** Runs a container on an engine that answers these requests with a refusal; a container that is killed ends with 137. */
async function run(refused: readonly string[], hangs = false) {
  const asked: string[] = [];
  const { docker } = await dockerAt((request, response) => {
    const what = `${request.method ?? ""} ${(request.url ?? "").replace(/\?.*$/u, "").replace("/containers/", "")}`;
    asked.push(what);
    if (refused.includes(what)) response.writeHead(400).end('{"message":"no such program"}');
    else if (what === "POST create") response.writeHead(201).end('{"Id":"one"}');
    else if (what === "POST one/wait") response.end(`{"StatusCode":${hangs ? "137" : "3"}}`);
    else if (what !== "POST one/attach") response.writeHead(204).end();
    else if (hangs) response.write(FRAME);
    else response.end(FRAME);
  });
  const publish = { bindTo: "127.0.0.1", reachedAt: "127.0.0.1" };
  const host = testHost();
  const result: ExecResult | string = await containersOf(host, docker, publish, "1.41")
    .runToEnd({ image: "x:1", cmd: ["x"] }, hangs ? 50 : 60_000)
    .catch((error: unknown) => (error as Error).message);
  const stays = host.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  return { result, asked, stays };
}

it("gives back what a program printed and its exit code, and removes the container", async () => {
  const { result, asked } = await run([]);
  expect(result).toEqual({ stdout: "out", stderr: "", timedOut: false, exitCode: 3 });
  expect(asked).toEqual(["POST create", "POST one/attach", "POST one/start", "POST one/wait", "DELETE one"]);
});

it("kills a program that takes too long", async () => {
  const { result, asked } = await run([], true);
  expect(result).toEqual({ stdout: "out", stderr: "", timedOut: true, exitCode: 137 });
  expect(asked.slice(-3)).toEqual(["POST one/kill", "POST one/wait", "DELETE one"]);
});

it.each(["POST one/attach", "POST one/start"])("says why a program cannot start (%s)", async (refused) => {
  expect(await run([refused])).toMatchObject({ result: "no such program", stays: [] });
});

it("says first why a program cannot start, then that its container stays", async () => {
  const found = await run(["POST one/start", "DELETE one"]);
  expect(found).toMatchObject({
    result: "no such program",
    stays: [expect.stringMatching(/^the container one could not be removed: /u)],
  });
});

it("fails if the container of a program that ended cannot be removed", async () => {
  const { result } = await run(["DELETE one"]);
  expect(result).toMatch(/^The container could not be removed: /u);
});
