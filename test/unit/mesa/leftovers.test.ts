import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, it } from "vitest";
import type { MesaAccess } from "../../../src/mesa/access";
import { removeLeftInMesa, temporaryMesaName, unmarked } from "../../../src/mesa/leftovers";
import { markText, thisProcess } from "../../../src/support/processes/alive";
import { localServer } from "../local-server";
import { testHost } from "../lock/fixture/test-host";

const base = "smoke-debian-0123456789ab-container";
const living = temporaryMesaName(base);
const dead = `${base}.${markText({ ...thisProcess(), pid: spawnSync("true").pid })}`;
const elsewhere = `${base}.${markText({ ...thisProcess(), space: "0123456789ab" })}`;

let asked: string[];
let status: number;
beforeEach(() => {
  [asked, status] = [[], 200];
});

const key = (id: string, name: string, revoked: string | null = null): object => ({
  id,
  name,
  revoked_at: revoked,
});
const server = localServer((request, response) => {
  const line = `${request.method ?? ""} ${decodeURIComponent(request.url ?? "")}`;
  if (request.method === "DELETE") asked.push(line);
  response.writeHead(status).end(
    JSON.stringify({
      api_keys: [key("one", dead), key("two", living), key("old", dead, "then"), key("else", elsewhere)],
      repos: [{ name: dead }, { name: living }, { name: "somebody's" }, { name: elsewhere }],
    }),
  );
});

const access = (): MesaAccess => ({
  apiUrl: `${server.url}/v1`,
  org: "acme",
  credential: { kind: "api-key", apiKey: "mesa_admin_0123456789" },
});

describe("what is made in Mesa to be taken away again", () => {
  it("carries the mark of its process behind its name", () => {
    expect([living === base, unmarked(living)]).toEqual([false, base]);
  });

  it("is taken away by the next run when its process is dead for certain, and nothing else is", async () => {
    const host = testHost();
    await removeLeftInMesa({ ...host, fetch }, access());
    expect(asked).toEqual(["DELETE /v1/acme/api-keys/one", `DELETE /v1/acme/${dead}`]);
  });

  it("is a warning if it cannot be removed", async () => {
    status = 500;
    const host = testHost();
    await removeLeftInMesa({ ...host, fetch }, access());
    expect(host.events).toMatchObject([
      { type: "warning", message: expect.stringMatching(/could not be removed.*sandbox clean/u) as string },
    ]);
  });
});
