import { userInfo } from "node:os";
import { expect, it } from "vitest";
import { withHome } from "../../../src/support/environment";

it.each([
  [{}, userInfo().homedir],
  [{ HOME: "" }, userInfo().homedir],
  [{ HOME: "/elsewhere" }, "/elsewhere"],
])("the home folder of %j is the user's, unless it is named", (env, home) => {
  expect(withHome({ ...env, OTHER: "x" })).toEqual({ OTHER: "x", HOME: home });
});
