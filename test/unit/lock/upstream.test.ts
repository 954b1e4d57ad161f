import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withFingerprint } from "../../../src/lock/trusted-key";
import { loadUpstream, parseUpstream } from "../../../src/lock/upstream";

const FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567";
const SIGNED = `
[sandbox-api]
image = "ghcr.io/blaxel-ai/sandbox:0.2.50"

[mesa] # where Mesa comes from
vouched = "signed"
repository = "https://packages.example.com/mesa/any/"
key = "keys/mesa.asc"
`;

describe("upstream.toml", () => {
  it("of this package names the real sources", async () => {
    const upstream = await loadUpstream(join(import.meta.dirname, "../../../templates/upstream.toml"));
    expect(upstream).toMatchObject({
      sandboxApi: { image: "ghcr.io/blaxel-ai/sandbox:0.2.50" },
      mesa: {
        vouched: "first-download",
        repository: "https://packages.buildkite.com/mesa-dot-dev/debian-public/any",
        pool: "pool/any/main/m/mesa/mesa_{version}_amd64.deb",
      },
      mirrors: {},
    });
  });

  it("has defaults, and paths relative to itself", () => {
    expect(parseUpstream(SIGNED, "/etc/team/upstream.toml")).toEqual({
      sandboxApi: { image: "ghcr.io/blaxel-ai/sandbox:0.2.50" },
      mesa: {
        vouched: "signed",
        repository: "https://packages.example.com/mesa/any",
        suite: "any",
        component: "main",
        package: "mesa",
        key: { path: "/etc/team/keys/mesa.asc", named: "keys/mesa.asc" },
      },
      mirrors: {},
      path: "/etc/team/upstream.toml",
    });
  });

  it("takes mirrors, a fingerprint with blanks, and a snapshot", () => {
    const text = `${SIGNED}fingerprint = "0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567"
[mirrors]
images = "127.0.0.1:5000"
packages = "http://172.17.0.1:8000/"
[snapshot]
url = "https://snapshot.debian.org/archive/debian"
at = "20260401T000000Z"
`;
    expect(parseUpstream(text, "u.toml")).toMatchObject({
      mesa: { fingerprint: FINGERPRINT },
      mirrors: { images: "127.0.0.1:5000/", packages: "http://172.17.0.1:8000" },
      snapshot: { at: "20260401T000000Z" },
    });
  });

  it("gets the fingerprint that was trusted, and nothing else changes", () => {
    const pinned = withFingerprint(SIGNED, FINGERPRINT, "u.toml") ?? "";
    expect(pinned).toBe(SIGNED.replace("comes from\n", `comes from\nfingerprint = "${FINGERPRINT}"\n`));
    expect(parseUpstream(pinned, "u.toml").mesa.fingerprint).toBe(FINGERPRINT);
    expect(withFingerprint(pinned, "0".repeat(40), "u.toml")).toBe(pinned);
  });

  const IMAGE = 'sandbox-api.image = "ghcr.io/blaxel-ai/sandbox:0.2.50"\n';
  const SETTINGS = ['vouched = "signed"', 'repository = "https://p.example.com/any"', 'key = "k.asc"'];
  it.each([
    ["a header with blanks", `${IMAGE}  [ mesa ] # it\n${SETTINGS.join("\n")}\n`],
    ["a quoted header", `${IMAGE}["mesa"]\r\n${SETTINGS.join("\r\n")}\r\n`],
    ["a header in single quotes", `${IMAGE}[ 'mesa' ]\n${SETTINGS.join("\n")}`],
    ["dotted keys", `${IMAGE}${SETTINGS.map((line) => `mesa.${line}`).join("\n")}\n`],
    ["quoted dotted keys", `${IMAGE}${SETTINGS.map((line) => ` "mesa" . ${line}`).join("\n")}\n`],
    ["an inline table", `${IMAGE}mesa = { ${SETTINGS.join(", ")} }\n`],
    [
      "a header that only looks like one before it",
      `${IMAGE}[mesa]\npool = \"\"\"\n[mesa]\n\"\"\"\n${SETTINGS.join("\n")}\n`,
    ],
  ])("takes the fingerprint written with %s", (_what, text) => {
    const pinned = withFingerprint(text, FINGERPRINT, "u.toml") ?? "";
    expect(parseUpstream(pinned, "u.toml")).toEqual({
      ...parseUpstream(text, "u.toml"),
      mesa: { ...parseUpstream(text, "u.toml").mesa, fingerprint: FINGERPRINT },
    });
  });

  it("says that it finds no place for the fingerprint", () => {
    const text = `${IMAGE}"\\u006desa" = { ${SETTINGS.join(", ")} }\n`;
    expect(withFingerprint(text, FINGERPRINT, "u.toml")).toBeUndefined();
  });

  it.each([
    ["not TOML", "[mesa\n", "u.toml:1:"],
    ["without a table", '[mesa]\nvouched = "signed"\n', "u.toml: sandbox-api"],
    ["with a misspelt key", SIGNED.replace("key =", "keys ="), "mesa.keys is not a known setting"],
    ["with a wrong type", SIGNED.replace('"keys/mesa.asc"', "3"), "u.toml: mesa.key"],
    ["with an unknown voucher", SIGNED.replace('"signed"', '"hope"'), "mesa.vouched"],
    ["with sandbox-api latest", SIGNED.replace("0.2.50", "latest"), "never latest"],
    [
      "with sandbox-api that is no image",
      SIGNED.replace("ghcr.io/", "http://"),
      "u.toml: sandbox-api.image: does",
    ],
    ["with sandbox-api untagged", SIGNED.replace(":0.2.50", ""), "must name a version"],
    ["signed without a key", SIGNED.replace(/key = .*\n/u, ""), "mesa.key is missing"],
    ["first-download without a pool", SIGNED.replace('"signed"', '"first-download"'), "mesa.pool is missing"],
    [
      "with a repository over plain http",
      SIGNED.replace("https:", "http:"),
      "it must be https (a mirror may",
    ],
    [
      "with a repository over plain http on this machine",
      SIGNED.replace(/repository = .*/u, 'repository = "http://127.0.0.1:8080/repo"'),
      "it must be https (a mirror may",
    ],
    [
      "with an unsigned mirror over plain http",
      `${SIGNED.replace('"signed"', '"first-download"')}pool = "x_{version}.deb"\n[mirrors]\npackages = "http://mirror.example.com"\n`,
      "must be https",
    ],
    [
      "with a mirror that is an address",
      `${SIGNED}[mirrors]\nimages = "https://mirror.example.com/"\n`,
      "mirrors.images: must be a host",
    ],
    [
      "with a mirror on no port",
      `${SIGNED}[mirrors]\nimages = "mirror.example.com:99999"\n`,
      "mirrors.images: must be a host",
    ],
    [
      "with a snapshot that is no moment",
      `${SIGNED}[snapshot]\nurl = "https://x.example.com"\nat = "yesterday"\n`,
      "snapshot.at",
    ],
    ["with an address that is none", SIGNED.replace("packages.example.com", "["), "must be an http(s) URL"],
    [
      "with a password in the repository's address",
      SIGNED.replace("https://", "https://ci:token@"),
      "u.toml: mesa.repository: must have no user or password",
    ],
    [
      "with a token in a mirror's address",
      `${SIGNED}[mirrors]\ndownloads = "https://token@mirror.example.com"\n`,
      "u.toml: mirrors.downloads: must have no user or password",
    ],
    ["with half a fingerprint", `${SIGNED}fingerprint = "89ABCDEF"\n`, "full fingerprint"],
  ])("%s is refused", (_what, text, says) => {
    expect(() => parseUpstream(text, "u.toml")).toThrow(
      expect.objectContaining({ kind: "usage", message: expect.stringContaining(says) as string }),
    );
  });

  it("that is not there is refused", async () => {
    await expect(loadUpstream("/nonexistent/upstream.toml")).rejects.toMatchObject({
      code: "UPSTREAM_MISSING",
      kind: "usage",
    });
  });
});
