import { describe, expect, it } from "vitest";
import { commandHelp, familyHelp, programHelp } from "../../../../src/cli/line/help";
import { COMMAND_GROUPS } from "../../../../src/cli/commands/index";
import { fitted } from "../../../../src/cli/output/table";

describe("a text on a narrow terminal", () => {
  const text = "deployed   sandbox/mesa-debian:t1 in staging, bl 0.1.108\n     what to do: run it again\n";

  it("breaks between words and continues below the value", () => {
    expect(fitted(text, 34)).toBe(
      "deployed   sandbox/mesa-debian:t1\n           in staging, bl 0.1.108\n     what to do: run it again\n",
    );
    expect(fitted(text, 24)).toBe(
      "deployed   sandbox/mesa-debian:t1\n           in staging,\n           bl 0.1.108\n     what to do: run it\n     again\n",
    );
  });

  it("keeps every word, and a pipe's text unchanged", () => {
    expect(fitted(text, 20).split(/\s+/u)).toEqual(text.split(/\s+/u));
    expect(fitted(text, undefined)).toBe(text);
  });

  it("counts columns, not characters", () => {
    expect(fitted("名前  值值值 值值值", 12)).toBe("名前  值值值\n      值值值");
    expect(fitted("值值值 值值值", 13)).toBe("值值值 值值值");
  });

  it("is the help of the program and of a group of commands too", () => {
    const sandbox = COMMAND_GROUPS.flatMap(({ commands }) => commands).filter(({ usage }) =>
      usage.startsWith("sandbox "),
    );
    for (const text of [programHelp(COMMAND_GROUPS, "0.1.0", 60), familyHelp("sandbox", sandbox, 60)])
      expect(text.split("\n").filter((line) => line.length > 60)).toEqual([]);
  });

  it("is the help of a command, which explains every argument", () => {
    for (const spec of COMMAND_GROUPS.flatMap(({ commands }) => commands))
      expect(commandHelp(spec, 100)).not.toMatch(/^ {2}\[?[A-Z.-]+\]?\s*$/mu);
  });
});
