import { describe, expect, it } from "vitest";
import { environmentFrom } from "../../../src/cli/session-request";
import { createRedactor } from "../../../src/support/redact";

describe("--env of a command in a sandbox", () => {
  const here = { TOKEN: "very-secret-token", EMPTY: "" };

  it("accepts NAME=VALUE unchanged, with an equals sign in the value", () => {
    const redact = createRedactor({});
    expect(environmentFrom({ env: here, redact }, ["A=b=c", "B="])).toEqual({ A: "b=c", B: "" });
    expect(redact("b=c")).toBe("b=c");
  });

  it("takes the caller's value for NAME alone, and hides it from then on", () => {
    const redact = createRedactor({});
    expect(environmentFrom({ env: here, redact }, ["TOKEN", "EMPTY"])).toEqual(here);
    expect(redact("x very-secret-token")).toBe("x ***");
  });

  it.each([
    [["MISSING"], "--env MISSING: the variable is not set here."],
    [["=x"], '--env: "" is not the name of a variable.'],
    [["A-B=x"], '--env: "A-B" is not the name of a variable.'],
    [["very secret"], "--env takes NAME or NAME=VALUE."],
  ])("refuses %j", (wanted, message) => {
    expect(() => environmentFrom({ env: here, redact: createRedactor({}) }, wanted)).toThrow(message);
  });
});
