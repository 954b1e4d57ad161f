import { expect, it } from "vitest";
import type { Engine } from "../../../../src/docker/index";
import type { ImageContext, ProbeCheck } from "../../../../src/smoke/check";
import { runChecks } from "../../../../src/smoke/run-checks";
import { containerSubject } from "../../../../src/smoke/subjects/container";
import { Failure } from "../../../../src/support/errors";
import { testHost } from "../../lock/fixture/test-host";

/** A container on an engine that refuses every command; `running` is what it says of the container. */
function refusing(running: boolean) {
  const refused = { code: "ENGINE_FAILED", kind: "environment", message: "it is not running" } as const;
  const engine = {
    facts: { publish: { reachedAt: "127.0.0.1" } },
    exec: () => Promise.reject(new Failure(refused)),
    container: () => Promise.resolve({ running, exitCode: 127, oomKilled: false, error: "" }),
    logs: () => Promise.resolve(["no such library"]),
  } as unknown as Engine;
  return containerSubject(testHost(), engine, "c", {});
}

const context: ImageContext = { secrets: [], missingDevices: {} };
const probe: ProbeCheck<ImageContext> = {
  name: "a",
  needs: "shell",
  script: "true",
  judge: () => ({ outcome: "passed" }),
};

it("a container that ends while it is checked is the image's failure, with its last lines", async () => {
  const checked = runChecks(testHost(), "debian", [probe], { subject: refusing(false) }, context);
  await expect(checked).rejects.toMatchObject({
    code: "CONTAINER_DIED",
    kind: "smoke",
    log: ["no such library"],
    message: "The container exited with 127 while it was checked.",
  });
});

it("a command that an engine refuses while the container runs is the engine's failure", async () => {
  await expect(refusing(true).run({ script: "true" })).rejects.toMatchObject({ code: "ENGINE_FAILED" });
});
