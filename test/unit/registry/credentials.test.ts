import { describe, expect, it } from "vitest";
import { parseChallenge } from "../../../src/registry/challenge";
import { credentialsFor, credentialsInConfig } from "../../../src/registry/credentials";
import { nextPage } from "../../../src/registry/list-tags";
import { testHost } from "../lock/fixture/test-host";

const auth = Buffer.from("me:pass:word").toString("base64");

describe("a registry's challenge", () => {
  it.each([
    [null, undefined],
    ["Negotiate", undefined],
    ['Basic realm="x"', { scheme: "basic" }],
    [
      'Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push"',
      {
        scheme: "bearer",
        realm: "https://auth.example.com/token",
        service: "reg",
        scope: "repository:a/b:pull,push",
      },
    ],
    [
      "bearer  realm=https://a/t",
      { scheme: "bearer", realm: "https://a/t", service: undefined, scope: undefined },
    ],
    [
      'Basic realm="x", Bearer realm="https://a/t"',
      { scheme: "bearer", realm: "https://a/t", service: undefined, scope: undefined },
    ],
    ['Bearer service="x"', undefined],
  ])("%s", (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected);
  });
});

describe("credentials", () => {
  it("come from Docker's config.json, under the names docker login uses", () => {
    const config = JSON.stringify({
      auths: { "ghcr.io": { auth }, "https://index.docker.io/v1/": { auth } },
    });
    expect(credentialsInConfig(config, "ghcr.io")).toEqual({ username: "me", password: "pass:word" });
    expect(credentialsInConfig(config, "registry-1.docker.io")).toEqual({
      username: "me",
      password: "pass:word",
    });
    expect(credentialsInConfig(config, "quay.io")).toBeUndefined();
    expect(credentialsInConfig("{", "ghcr.io")).toBeUndefined();
    expect(credentialsInConfig('{"auths":{"ghcr.io":{}}}', "ghcr.io")).toBeUndefined();
  });

  it("of the environment go to the host they are meant for, and are secrets", async () => {
    const env = { MESA_TEMPLATE_REGISTRY_USERNAME: "u", MESA_TEMPLATE_REGISTRY_PASSWORD: "secret-password" };
    const host = testHost({ env });
    expect(await credentialsFor(host, "mirror.example.com", "mirror.example.com")).toEqual({
      username: "u",
      password: "secret-password",
    });
    expect(await credentialsFor(host, "ghcr.io", "mirror.example.com")).toBeUndefined();
    expect(await credentialsFor(host, "ghcr.io", undefined)).toBeUndefined();
    const named = testHost({ env: { ...env, MESA_TEMPLATE_REGISTRY: "docker.io" } });
    expect(await credentialsFor(named, "registry-1.docker.io", undefined)).toBeDefined();
    expect(await credentialsFor(named, "ghcr.io", undefined)).toBeUndefined();
    expect(host.redact("it is secret-password")).toBe("it is ***");
  });
});

describe("the next page of tags", () => {
  it.each([
    [null, undefined],
    ['</v2/a/tags/list?n=2&last=x>; rel="next"', "/v2/a/tags/list?n=2&last=x"],
    ['<https://elsewhere.example.com/v2/a/tags/list?last=x>; rel="next"', "/v2/a/tags/list?last=x"],
    ['</v2/a/tags/list>; rel="prev"', undefined],
    ['</other>; rel="next"', undefined],
  ])("%s", (link, expected) => {
    expect(nextPage(link)).toBe(expected);
  });
});
