import { describe, expect, it } from "vitest";
import { mountPlan } from "../../../src/mesa/mount-plan";
import { orgOfMounts, parseLayout, parseMount, parseRepo, placeMounts } from "../../../src/mesa/mounts";

const OWN_SERVICE = { org: "acme", apiUrl: "https://api.mesa.dev/v1" };

describe("a mount option", () => {
  it.each([
    ["app", { org: undefined, path: undefined, entry: { kind: "repo", name: "app", mode: "ro" } }],
    ["acme/app:rw", { org: "acme", path: undefined, entry: { kind: "repo", name: "app", mode: "rw" } }],
    [
      "acme/app:/a/b:ro@session/1",
      {
        org: "acme",
        path: "/a/b",
        entry: { kind: "repo", name: "app", mode: "ro", at: { bookmark: "session/1" } },
      },
    ],
  ])("%s", (text, wish) => {
    expect(parseMount(text, false)).toEqual(wish);
  });
  it.each([
    "",
    "a/b/c",
    "app:",
    "app:x",
    "app:/a/../b",
    "app:/a/",
    "app:rx",
    "app@",
    "app@-x",
    "repos",
    "a b",
  ])("%j is none", (text) => {
    expect(() => parseMount(text, false)).toThrow(expect.objectContaining({ code: "MOUNT_OPTION" }) as Error);
  });
  it("is for writing where it does not say and --write does", () => {
    expect(parseMount("app", true).entry.mode).toBe("rw");
    expect(parseMount("app:ro", true).entry.mode).toBe("ro");
  });
});

describe("a repository option", () => {
  it("names organization and repository", () => {
    expect(parseRepo("acme/o.t-h_er", true)).toEqual({
      org: "acme",
      path: undefined,
      entry: { kind: "repo", name: "o.t-h_er", mode: "rw" },
    });
  });
  it.each(["demo", "acme/", "/demo", "acme/demo/x", "ac me/demo", "acme/$(reboot)", "acme/a'b"])(
    "%s is none",
    (name) => {
      expect(() => parseRepo(name, false)).toThrow(/is not a repository/u);
    },
  );
});

describe("a layout", () => {
  const entry = { kind: "repo", name: "app", mode: "rw" };
  it("is passed to the CLI unchanged", () => {
    const layout = { "/a": { ...entry, branchedFrom: { bookmark: "main", as: { bookmark: "x" } } } };
    const mounts = placeMounts("0.49.1", "acme", parseLayout(JSON.stringify(layout), "f"));
    const plan = mountPlan({
      version: "0.49.1",
      access: OWN_SERVICE,
      mounts,
      credential: "c",
      base: "/tmp/m",
    });
    expect(JSON.parse(plan.env["MESA_TEMPLATE_LAYOUT"] ?? "")).toEqual(layout);
    expect(plan.paths).toEqual({ "acme/app": "/tmp/m/mnt/a" });
  });
  it.each([
    ["[", /not JSON/u],
    ["{}", /mounts nothing/u],
    [JSON.stringify({ a: entry }), /"a" is not a plain path/u],
    [JSON.stringify({ "/a": { ...entry, mode: "rx" } }), /\/a mode/u],
    [JSON.stringify({ "/a": { ...entry, extra: 1 } }), /\/a/u],
    [JSON.stringify({ "/a": { ...entry, name: "acme/app" } }), /\/a name/u],
    [
      JSON.stringify({ "/a": { ...entry, mode: "ro", branchedFrom: { bookmark: "main" } } }),
      /needs the mode rw/u,
    ],
    [
      JSON.stringify({ "/a": { ...entry, at: { bookmark: "x" }, branchedFrom: { bookmark: "main" } } }),
      /exclude each other/u,
    ],
  ])("%s is none", (text, why) => {
    expect(() => parseLayout(text, "f")).toThrow(why);
  });
});

describe("where everything is mounted", () => {
  const wishes = (...texts: readonly string[]) => texts.map((text) => parseMount(text, false));
  it.each([["app:/x"], ["app:ro", "lib:rw"], ["app@v2"]])("%s needs 0.44", (...texts) => {
    expect(() => placeMounts("0.38.0", "acme", wishes(...texts))).toThrow(/Mesa 0\.38\.0 cannot .*0\.44/u);
    expect(placeMounts("0.46.0", "acme", wishes(...texts))).toHaveLength(texts.length);
  });
  it("takes what is usual in every generation", () => {
    expect(placeMounts("0.15.0", "acme", wishes("app", "lib")).map(({ path }) => path)).toEqual([
      "/acme/app",
      "/acme/lib",
    ]);
  });
  it("refuses two at one path, one twice, and two organizations", () => {
    expect(() => placeMounts("0.49.1", "acme", wishes("app:/x", "App:/y"))).toThrow(/app is mounted twice/u);
    expect(() => placeMounts("0.49.1", "acme", wishes("app:/x", "lib:/x"))).toThrow(/Two .* path \/x/u);
    expect(() => orgOfMounts(wishes("acme/app", "orbit/lib"))).toThrow(/acme, orbit/u);
  });
});
