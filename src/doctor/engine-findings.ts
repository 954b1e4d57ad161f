import { hostDevices } from "../docker/index";
import type { Run } from "../release/run";
import { Failure } from "../support/errors";
import { within } from "../support/processes/within";
import { deviceOnEngine } from "./engine-devices";
import { finding, type Finding } from "./finding";

/** Time limit for the engine to list its devices, in ms. */
const ANSWER_LIMIT_MS = 30_000;

function noAnswer(): Failure {
  return new Failure({
    code: "ENGINE_GONE",
    kind: "environment",
    message: `the engine did not answer within ${String(ANSWER_LIMIT_MS / 1000)} s`,
    hint: "Check whether it can still create containers (docker create).",
  });
}

/** The engine and its abilities, as the engine reports them. Never rejects. */
export async function engineFindings(run: Run): Promise<readonly Finding[]> {
  const { host } = run;
  const connecting = run.engine();
  const connected = await finding("engine", async () => {
    const { name, version, address, rootless } = (await connecting).facts;
    return `${name} ${version} at ${address}${rootless ? ", rootless" : ""}`;
  });
  // Without an engine, all other findings would repeat the same.
  if (!connected.ok) return [connected];
  const engine = await connecting;
  const { buildKit, rootless } = engine.facts;
  const asked = hostDevices(host, engine, ["/dev/fuse", "/dev/net/tun"]);
  const devices = within(host.clock, asked, ANSWER_LIMIT_MS, noAnswer, host.signal);
  const device = (path: "/dev/fuse" | "/dev/net/tun"): Promise<Finding> =>
    finding(path, async () => deviceOnEngine(path, rootless, (await devices)[path]));
  const found = await Promise.all([device("/dev/fuse"), ...(rootless ? [device("/dev/net/tun")] : [])]);
  const builder = buildKit ? "used through the engine's API" : "not available: the classic builder is used";
  return [connected, { name: "BuildKit", ok: true, seen: builder }, ...found];
}
