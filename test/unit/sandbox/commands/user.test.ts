import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { checkUserName, commandAs } from "../../../../src/sandbox/commands/user";

const AGENT = { name: "agent", uid: "1000", gid: "1001", home: "/home/agent" } as const;

describe("a command as another user", () => {
  it.each(["agent", "_x", "a-b_1"])("%s is a name", (name) => {
    expect(() => {
      checkUserName(name);
    }).not.toThrow();
  });
  it.each(["root", "", "1000", "Agent", "a b", "a;b", "$(id)", "-x", "a".repeat(33)])(
    "%j is none",
    (name) => {
      expect(() => {
        checkUserName(name);
      }).toThrow(expect.objectContaining({ code: "SANDBOX_USER" }) as Error);
    },
  );

  it("becomes the command, with the user's HOME unless it has its own", () => {
    expect(commandAs({ ...AGENT, by: "setpriv" }, "echo it's me", {})).toBe(
      `exec env HOME=/home/agent USER=agent LOGNAME=agent setpriv --reuid=1000 --regid=1001 --init-groups sh -c 'echo it'\\''s me'`,
    );
    expect(commandAs({ ...AGENT, by: "su" }, "true", { HOME: "/tmp/m/home" })).toBe(
      "exec env HOME=/tmp/m/home USER=agent LOGNAME=agent su -p -s /bin/sh agent -c true",
    );
  });

  it("keeps every byte of a script", () => {
    const script = "printf '%s\\n' \"$HOME\" 'a b' \"it's\"\nexit 3";
    const line = commandAs({ ...AGENT, by: "su" }, script, {}).replace("su -p -s /bin/sh agent -c", "sh -c");
    try {
      execFileSync("sh", ["-c", line], { encoding: "utf8" });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ status: 3, stdout: "/home/agent\na b\nit's\n" });
    }
  });
});
