import { describe, expect, it } from "vitest";
import type { Host } from "../../../../src/support/host";
import type {
  CheckVerdict,
  Command,
  CommandResult,
  ImageContext,
  Subject,
} from "../../../../src/smoke/check";
import { fileChecks, needsOf } from "../../../../src/smoke/checks-file/file-checks";
import { parseChecksFile } from "../../../../src/smoke/checks-file/parse";
import { listeningPorts } from "../../../../src/smoke/checks/listening-ports";
import { shellText } from "../../../../src/deploy/sandbox-subject";

let now = 0;
const host = {
  signal: new AbortController().signal,
  clock: {
    now: () => now,
    sleep: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
  },
} as unknown as Host;
const context: ImageContext = {
  secrets: [],
  missingDevices: { "/dev/kvm": "the engine has none" },
};

const ended = (result: Partial<CommandResult>): CommandResult => ({
  exitCode: 0,
  stdout: "",
  stderr: "",
  timedOut: false,
  durationMs: 1,
  ...result,
});

function subjectOf(
  kind: Subject["kind"],
  run: (command: Command) => Partial<CommandResult>,
  answer: () => Promise<Response> = () => Promise.reject(new Error("fetch failed")),
): Subject {
  return {
    kind,
    run: (command) => Promise.resolve(ended(run(command))),
    request: answer,
    api: { url: "", headers: {} },
  };
}

const fileOf = (check: string): ReturnType<typeof parseChecksFile> =>
  parseChecksFile(`schemaVersion: 1\nchecks:\n  - ${check}\n`, "c.yaml");

async function verdictOf(check: string, subject: Subject): Promise<CheckVerdict> {
  const [first] = fileChecks(host, fileOf(check));
  if (first?.needs !== "subject") throw new Error("it needs no subject");
  return first.run(subject, context);
}

describe("checks of a file", () => {
  it("name what they need, and where they stand", () => {
    const file = parseChecksFile(
      "schemaVersion: 1\nchecks:\n  - {name: a, command: x, devices: [/dev/kvm]}\n  - {name: b, http: {port: 3000}}\n  - {name: c, listening: [1]}\n  - {name: d, history: x}\n  - {name: e, size: 1 MB}\n",
      "c.yaml",
    );
    const checks = fileChecks(host, file);
    expect(checks.map(({ needs }) => needs)).toEqual(["subject", "subject", "subject", "image", "image"]);
    expect(checks.map(({ place }) => place?.line)).toEqual([3, 4, 5, 6, 7]);
    expect(checks.map(({ skip }) => skip?.(context))).toEqual([
      "the engine has none",
      ...Array<undefined>(4),
    ]);
    expect(needsOf([file])).toEqual({ ports: [3000], devices: ["/dev/kvm"], texts: [] });
  });

  it("are tried until they pass, or until their time is over", async () => {
    let tries = 0;
    const third = subjectOf("container", () => ({ exitCode: ++tries < 3 ? 1 : 0 }));
    const check = "{name: a, command: x, retry: {for: 2s, every: 500ms}}";
    expect([(await verdictOf(check, third)).outcome, tries]).toEqual(["passed", 3]);
    const never = await verdictOf(
      check,
      subjectOf("container", () => ({ exitCode: 1 })),
    );
    expect([never.outcome, never.seen]).toEqual(["failed", expect.stringContaining("(5 tries in 2.0 s)")]);
    tries = 0;
    await verdictOf(
      "{name: a, command: x}",
      subjectOf("container", () => ({ exitCode: ++tries })),
    );
    expect(tries).toBe(1);
  });

  it("end the service they started, also when they could not be run", async () => {
    const ran: string[] = [];
    const subject = subjectOf("sandbox", ({ script = "" }) => {
      ran.push(/kill -TERM/u.test(script) ? "stop" : /mktemp/u.test(script) ? "start" : "command");
      if (ran.at(-1) === "command") throw new Error("the edge is gone");
      return { stdout: ran.at(-1) === "start" ? "77 /tmp/log\n" : "bye\n" };
    });
    const verdict = await verdictOf("{name: a, start: serve, command: x}", subject);
    expect([verdict.outcome, verdict.seen, ran]).toEqual([
      "failed",
      "the edge is gone",
      ["start", "command", "stop"],
    ]);
  });

  it("are skipped where a sandbox lacks a device, or Blaxel keeps the port", async () => {
    const without = subjectOf("sandbox", () => ({ stdout: "/dev/x\n" }));
    expect(await verdictOf("{name: a, command: x, devices: [/dev/x]}", without)).toEqual({
      outcome: "skipped",
      seen: "the sandbox has no /dev/x",
    });
    expect((await verdictOf("{name: a, http: {port: 80}}", without)).outcome).toBe("skipped");
  });

  it("tell a program that ran out of time from one that was killed", async () => {
    const check = "{name: a, command: x, exitCode: 137, timeLimit: 2s}";
    const killed = (durationMs: number): Subject =>
      subjectOf("container", () => ({ exitCode: 137, durationMs }));
    expect((await verdictOf(check, killed(500))).outcome).toBe("passed");
    expect(await verdictOf(check, killed(2000))).toMatchObject({
      outcome: "failed",
      expected: "the command to exit within 2 s",
    });
  });

  it("have a limit of a second at least: timeout takes 0 for none", async () => {
    const scripts: (string | undefined)[] = [];
    const subject = subjectOf("container", ({ script }) => {
      scripts.push(script);
      return {};
    });
    await verdictOf("{name: a, command: x, timeLimit: 0.1ms}", subject);
    expect(scripts.join()).toContain("timeout -s KILL 1 ");
  });
});

describe("listening ports", () => {
  const line = (at: string, state: string): string =>
    `   0: ${at} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1`;

  it("are read from the kernel's tables: only those in LISTEN, and whether only the loopback hears them", () => {
    const tables = [
      "  sl  local_address rem_address   st",
      line("00000000:1F90", "0A"),
      line("0100007F:0BB8", "0A"),
      line("00000000:0016", "01"),
      line("00000000000000000000000001000000:0BB9", "0A"),
      line("00000000000000000000000000000000:0BB8", "0A"),
    ].join("\n");
    expect(listeningPorts(tables)).toEqual([
      { port: 3000, loopback: false },
      { port: 3001, loopback: true },
      { port: 8080, loopback: false },
    ]);
  });
});

describe("another user in a sandbox", () => {
  it("gets the groups the image gives them, and the environment that was set", () => {
    const text = shellText({ script: "id", user: "worker" });
    expect(text).toContain('--reuid=worker --regid="$(id -g worker)" --init-groups sh -c id');
    expect(text).toContain("su -m -s /bin/sh worker -c id");
    expect(shellText({ script: "id", user: "5:6" })).toContain("--reuid=5 --regid=6 --clear-groups");
  });
});
