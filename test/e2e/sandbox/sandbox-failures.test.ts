import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { releasedPlace, type Answer, type SandboxPlace } from "./sandbox-place";
import { fault, faultsOff, state } from "../world";

let place: SandboxPlace;

beforeAll(async () => {
  place = await releasedPlace(["0.20.0", "0.38.0"]);
}, 1_200_000);
beforeEach(() => place.begin());
afterAll(faultsOff);

/** Says on stdout that it runs, then works on until the mount no longer takes a write. */
const UNTIL_BROKEN =
  "echo running; for i in $(seq 600); do echo $i > beat.txt || break; grep -q /mnt.fuse /proc/mounts || break; sleep 0.2; done 2>/dev/null";

/** Runs for writing, without --json so that output comes as it is said, and does `meanwhile` once the command runs. */
async function whileRunning(
  meanwhile: () => Promise<unknown>,
  script: string,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  let done: Promise<unknown> | undefined;
  const which = ["--template", "debian", "--repo", "acme/demo", "--write"];
  const command = ["sh", "-c", `echo begun >&2; ${script}`];
  const ran = await place.ask(["sandbox", "run", "0.38.0", ...which, "--", ...command], {
    onStderr: (text) => {
      if (/^begun$/mu.test(text)) done ??= meanwhile();
    },
  });
  expect(done, ran.stderr).toBeDefined();
  await done;
  return ran;
}

describe("each failure is distinguished", () => {
  it.each([
    ["mount-lies", "MOUNT_MISSING", "0.20.0", /never mounted/u],
    ["mount-not-empty", "MOUNT_NOT_EMPTY", "0.20.0", /fresh sandbox/u],
    ["mount-read-only", "MOUNT_READ_ONLY", "0.20.0", /--read-only/u],
    ["mesa-grpc-down", "MOUNT_GRPC", "0.38.0", /vcs host/u],
    ["mesa-scope", "MOUNT_CREDENTIAL", "0.38.0", /--write/u],
    ["mesa-key-expires", "MOUNT_CREDENTIAL", "0.38.0", /--ttl/u],
    ["mesa-api-down", "MESA_UNREACHABLE", "0.20.0", /MESA_API_URL/u],
    ["mesa-unauthorized", "MESA_UNAUTHORIZED", "0.20.0", /MESA_API_KEY/u],
    ["quota", "BLAXEL_QUOTA", "0.20.0", /--memory/u],
    ["sandbox-no-fuse", "MOUNT_NO_FUSE", "0.38.0", /\/dev\/fuse/u],
    ["sandbox-not-root", "MOUNT_ALLOW_OTHER", "0.38.0", /user_allow_other/u],
  ])("%s is %s", async (name, code, version, hint) => {
    // A credential that is over from the first moment: however fast a sandbox comes up, it never holds.
    await fault(name, undefined, name === "mesa-key-expires" ? { seconds: 0 } : {});
    const ran = await place.run(version, ["true"], ["--write"]);
    await faultsOff();
    const { error } = ran.json<Answer>();
    expect([error?.code, ran.code], ran.stdout).toEqual([code, /^MESA_/u.test(code) ? 3 : 7]);
    expect(error?.hint).toMatch(hint);
    await place.expectClean();
  });

  it("an organization the key is not for", async () => {
    const which = ["--template", "debian", "--repo", "other/demo", "--json"];
    const ran = await place.ask(["sandbox", "run", "0.20.0", ...which, "--", "true"]);
    expect(ran.json<Answer>().error?.code).toBe("MESA_NOT_FOUND");
  });

  it("a mount that comes late is waited for", async () => {
    await fault("mount-slow", 1, { ms: 2000 });
    const ran = await place.run("0.20.0", ["true"], ["--write"]);
    expect(ran.code, ran.stdout).toBe(0);
  });

  it("a credential that cannot be revoked is listed, and found later", async () => {
    await fault("mesa-revoke-fails");
    const ran = await place.run("0.20.0", ["true"]);
    await faultsOff();
    expect(ran.json<Answer>().leftovers.join()).toMatch(
      /the credential \w+ could not be revoked \(mesa-template sandbox clean mesa-run-\w+; it expires by itself\): .*500/u,
    );
    const cleaned = await place.ask(["sandbox", "clean"]);
    expect(cleaned.stdout).toMatch(/credential \w+ \(mesa-run-\w+\) revoked/u);
    await place.expectClean();
  });
});

describe("what fails while the command runs", () => {
  it("a credential that ends: said so, and the command's exit code kept", async () => {
    const ran = await whileRunning(() => fault("mesa-key-ends"), `${UNTIL_BROKEN}; exit 9`);
    await faultsOff();
    expect(ran.code, ran.stderr).toBe(9);
    expect(ran.stderr).toMatch(
      /error: The mount broke while the command ran: the credential expired or was revoked\./u,
    );
    expect(ran.stderr).toMatch(/what to do: .*--ttl/u);
    await place.expectClean();
  });

  it("a credential that ends unnoticed by a command that says all is well: not believed", async () => {
    const ran = await whileRunning(() => fault("mesa-key-ends"), `${UNTIL_BROKEN}; exit 0`);
    await faultsOff();
    expect(ran.code, ran.stderr).toBe(7);
    await place.expectClean();
  });

  it("Mesa's daemon that dies: not believed when the command says all is well", async () => {
    await fault("mount-dies", 1, { ms: 8000 });
    const ran = await place.run("0.38.0", ["sh", "-c", `${UNTIL_BROKEN}; exit 0`], ["--write"]);
    await faultsOff();
    const { error } = ran.json<Answer>();
    expect([error?.code, ran.code], ran.stdout).toEqual(["MOUNT_DIED", 7]);
    expect(error?.message).toMatch(/the mount is gone/u);
    await place.expectClean();
  });

  it("a sandbox that is deleted under the command", async () => {
    const remove = async (): Promise<void> => {
      const { sandboxes } = await state();
      const name = sandboxes.find((sandbox) => sandbox.name.startsWith("mesa-run-"))?.name ?? "";
      const answer = await fetch(`${process.env["BL_API_URL"] ?? ""}/sandboxes/${name}`, {
        method: "DELETE",
        headers: {
          Authorization: `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
          "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
        },
      });
      expect(answer.status).toBe(200);
    };
    // The command would go on for a day.
    const ran = await whileRunning(remove, "sleep 86400");
    expect(ran.code, ran.stderr).toBe(7);
    expect(ran.stderr).toMatch(/error: The sandbox mesa-run-\w+ stopped answering while the command ran/u);
    await place.expectClean();
  });
});
