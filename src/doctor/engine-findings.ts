import { hostDevices } from "../docker/index";
import type { Run } from "../release/run";
import { Failure } from "../support/errors";
import { within } from "../support/processes/within";
import { fuseOnEngine, tunOnEngine } from "./engine-devices";
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
  const engine = run.engine();
  const facts = engine.then((connected) => connected.facts);
  const connected = await finding("engine", async () => {
    const { name, version, address, rootless: without } = await facts;
    return `${name} ${version} at ${address}${without ? ", rootless" : ""}`;
  });
  // Without an engine, all other findings would repeat the same.
  if (!connected.ok) return [connected];
  const { rootless } = await facts;
  const devices = facts.then(async () => {
    const asked = hostDevices(host, await engine, ["/dev/fuse", "/dev/net/tun"]);
    return within(host.clock, asked, ANSWER_LIMIT_MS, noAnswer, host.signal);
  });
  const others = await Promise.all([
    finding("BuildKit", async () =>
      (await facts).buildKit ? "used through the engine's API" : "not available: the classic builder is used",
    ),
    finding("/dev/fuse", async () => fuseOnEngine(rootless, (await devices)["/dev/fuse"])),
    ...(rootless ? [finding("/dev/net/tun", async () => tunOnEngine((await devices)["/dev/net/tun"]))] : []),
  ]);
  return [connected, ...others];
}
