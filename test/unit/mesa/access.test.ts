import { describe, expect, it } from "vitest";
import { mesaFit, requireMesaAccess } from "../../../src/mesa/access";
import { checkTtl } from "../../../src/mesa/credential";
import { ORGANIZATIONS } from "../../world/mesa/state";

const PRIVATE = { MESA_PRIVATE_KEY: ORGANIZATIONS["acme"]?.privateKey };
const API = { MESA_API_KEY: "mesa_0123456789abcdef", MESA_ORG: "acme" };

describe("the Mesa credential", () => {
  it.each([
    ["0.20.0", API, "api-key"],
    ["0.42.1", { ...API, ...PRIVATE }, "api-key"],
    ["0.46.0", API, "api-key"],
    ["0.46.0", PRIVATE, "private-key"],
    ["0.46.0", { ...API, ...PRIVATE }, "api-key"],
    ["0.49.1", PRIVATE, "private-key"],
    ["0.49.1", { ...API, ...PRIVATE }, "private-key"],
    [undefined, PRIVATE, "private-key"],
    [undefined, API, "api-key"],
  ])("for Mesa %s with %j is the %s", (version, env, kind) => {
    expect(requireMesaAccess(env, version)).toMatchObject({ org: "acme", credential: { kind } });
  });

  it.each([
    ["0.20.0", PRIVATE, "MESA_CREDENTIAL_UNFIT", /accepts only API keys/u, /MESA_API_KEY/u],
    ["0.42.1", PRIVATE, "MESA_CREDENTIAL_UNFIT", /private keys came with 0\.43/u, /MESA_API_KEY/u],
    ["0.48.0", API, "MESA_CREDENTIAL_UNFIT", /accepts no API key/u, /MESA_PRIVATE_KEY/u],
    ["0.49.1", API, "MESA_CREDENTIAL_UNFIT", /0\.49\.1 accepts no API key/u, /MESA_PRIVATE_KEY/u],
    ["0.49.1", {}, "NO_MESA_CREDENTIALS", /MESA_PRIVATE_KEY is not set/u, /MESA_PRIVATE_KEY/u],
    ["0.46.0", {}, "NO_MESA_CREDENTIALS", /MESA_API_KEY.*MESA_PRIVATE_KEY/u, /, or /u],
    ["0.20.0", { MESA_API_KEY: "mesa_1", MESA_ORG: "" }, "NO_MESA_CREDENTIALS", /MESA_ORG/u, /MESA_ORG/u],
    ["0.20.0", { MESA_API_KEY: " " }, "NO_MESA_CREDENTIALS", /MESA_API_KEY is not set/u, /MESA_ORG/u],
  ])("for Mesa %s with %j is refused: %s", (version, env, code, message, hint) => {
    const tried = (): unknown => requireMesaAccess(env, version);
    expect(tried).toThrow(
      expect.objectContaining({
        code,
        kind: "environment",
        hint: expect.stringMatching(hint) as string,
      }),
    );
    expect(tried).toThrow(message);
  });

  it("is read without the line break that a secret's file or a .env from Windows ends with", () => {
    const dirty = (env: object): Record<string, string> =>
      Object.fromEntries(Object.entries(env).map(([name, value]) => [name, `${String(value)}\r\n`]));
    expect(requireMesaAccess(dirty({ ...PRIVATE, MESA_ORG: "acme" }), "0.49.1").org).toBe("acme");
    expect(requireMesaAccess(dirty(API), "0.20.0")).toEqual(requireMesaAccess(API, "0.20.0"));
  });

  it("tells a credential of the other kind from none", () => {
    expect(mesaFit(API, "0.49.1")).toMatchObject({ given: true });
    expect(mesaFit({}, "0.49.1")).toMatchObject({ given: false });
  });

  it("is for the organization in the private key, with which MESA_ORG and the repository must agree", () => {
    const orbit = { MESA_PRIVATE_KEY: ORGANIZATIONS["orbit"]?.privateKey };
    expect(requireMesaAccess(orbit, "0.49.1").org).toBe("orbit");
    expect(requireMesaAccess({ ...orbit, MESA_ORG: "orbit" }, "0.49.1", "orbit").org).toBe("orbit");
    const usage = expect.objectContaining({ code: "MESA_ORG", kind: "usage" }) as Error;
    expect(() => requireMesaAccess({ ...orbit, MESA_ORG: "acme" }, "0.49.1")).toThrow(usage);
    expect(() => requireMesaAccess(orbit, "0.49.1", "acme")).toThrow(usage);
  });

  it.each(["MESA_API_KEY", "MESA_API_URL", "MESA_ORG"])("does not send a private key in %s", (name) => {
    const env = { ...API, [name]: PRIVATE.MESA_PRIVATE_KEY };
    expect(() => requireMesaAccess(env, "0.20.0")).toThrow(
      expect.objectContaining({ kind: "usage", message: `${name} contains a private key.` }),
    );
  });

  it.each([
    ["nonsense", /not an address/u],
    ["api.mesa.dev", /not an address/u],
    ["localhost:8080", /not an address/u],
    ["ftp://api.mesa.dev", /not an address/u],
    ["http://api.mesa.dev", /plain http/u],
  ])("does not go to just any address", (MESA_API_URL, message) => {
    expect(() => requireMesaAccess({ ...API, MESA_API_URL }, "0.20.0")).toThrow(message);
  });
});

describe("how long a sandbox's credential may hold", () => {
  const key = requireMesaAccess(API, undefined);
  const signed = requireMesaAccess(PRIVATE, undefined);
  const tried = (access: typeof key, version: string, seconds: number) => (): void => {
    checkTtl(access, version, seconds);
  };

  it.each([
    ["0.38.0", key, 100],
    ["0.38.0", key, 31_536_000],
    ["0.46.0", key, 86_400],
    ["0.46.0", signed, 14_400],
    ["0.49.1", signed, 14_400],
    ["0.49.1", signed, 10],
  ])("Mesa %s: %#", (version, access, seconds) => {
    expect(tried(access, version, seconds)).not.toThrow();
  });

  it.each([
    ["0.38.0", key, 99, /an API key is valid for 100 s to 31536000 s/u],
    ["0.38.0", key, 31_536_001, /an API key/u],
    ["0.46.0", key, 86_401, /to 86400 s/u],
    ["0.46.0", signed, 14_401, /a private key is valid for 10 s to 14400 s/u],
    ["0.49.1", signed, 14_401, /a private key/u],
    ["0.49.1", signed, 9, /a private key/u],
    ["0.46.0", key, Number.NaN, /no credential for/u],
  ])("Mesa %s: not %#", (version, access, seconds, message) => {
    expect(tried(access, version, seconds)).toThrow(message);
  });
});
