import { describe, expect, it } from "vitest";
import { splitRepos } from "../../../src/sandbox/repos";

describe("repositories as they are named on the command line", () => {
  it("are of one organization", () => {
    expect(splitRepos(["acme/demo", "acme/o.t-h_er"])).toEqual({ org: "acme", names: ["demo", "o.t-h_er"] });
    expect(() => splitRepos(["acme/demo", "other/demo"])).toThrow(/several organizations: acme, other/u);
  });

  it.each(["demo", "acme/", "/demo", "acme/demo/x", "ac me/demo", "acme/$(reboot)", "acme/a'b"])(
    "%s is none",
    (name) => {
      expect(() => splitRepos([name])).toThrow(/is not a repository/u);
    },
  );

  it("must be given", () => {
    expect(() => splitRepos([])).toThrow(/No repository was given/u);
  });
});
