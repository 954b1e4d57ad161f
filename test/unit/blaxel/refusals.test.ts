import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { deployAnswer, jsonIn, reasonIn } from "../../../src/blaxel/bl-answers";
import { isPassing, refusalKind } from "../../../src/blaxel/refusals";
import { parseRecording } from "../../e2e/stand-ins/bl-recording";

const RECORDINGS = resolve(import.meta.dirname, "../../transcripts/bl");

/** What this program makes of a recorded run's output: the reason, as the deploy and the reads take it. */
function reasonOf(name: string, run: number): string {
  const recorded = parseRecording(readFileSync(join(RECORDINGS, `${name}.txt`)))[run];
  if (recorded === undefined) throw new Error(`${name} has no run ${String(run)}`);
  const parsed = deployAnswer.safeParse(jsonIn(recorded.stdout));
  const said = parsed.success ? parsed.data.resources[0]?.error : undefined;
  return said ?? reasonIn(recorded);
}

describe("bl's own words among a build's", () => {
  const said = "✗ Push failed\nReason: image build failed\n";

  it.each([
    "Resource apt error: Reason: odd",
    "Reason: unauthorized",
    "E: 403 Forbidden\nResource x error: quota",
  ])("%s in the build log is not bl's reason", (log) => {
    expect(reasonIn({ stdout: `Upload completed\n${log}\n`, stderr: said })).toBe("image build failed");
  });

  it("are on stdout where bl get fails", () => {
    const stdout = 'Resource Sandbox:x error: GET "http://h/sandboxes/x": 404 Not Found {}\n';
    expect(reasonIn({ stdout, stderr: "⚠ Authentication is using API key\n" })).toBe(
      'GET "http://h/sandboxes/x": 404 Not Found {}',
    );
  });

  it("are the last ones where it gives no reason", () => {
    expect(reasonIn({ stdout: "Deployed.\n", stderr: "" })).toBe("Deployed.");
    expect(reasonIn({ stdout: "", stderr: "" })).toBe("it printed nothing");
  });
});

describe("what the real bl was recorded saying", () => {
  it.each([
    ["deploy-401", 0, "unauthorized", "Unauthorized"],
    ["deploy-401", 1, "unauthorized", "Unauthorized"],
    ["deploy-401", 2, "unauthorized", "invalid API key"],
    ["deploy-403", 1, "forbidden", "you do not have access to this workspace"],
    ["deploy-quota", 1, "quota", "memory quota exceeded for your tier"],
    ["deploy-502-html", 1, "gateway", "502 Bad Gateway"],
    ["deploy-502-html", 3, "network", "connection refused"],
    ["get-errors", 0, "not-found", "sandbox zz not found"],
    ["get-errors", 1, "unauthorized", "401 Unauthorized"],
    ["get-errors", 2, "gateway", "502 Bad Gateway"],
    ["get-image-latest", 2, "not-found", "image sandbox/nope not found"],
    ["no-credentials", 1, "unauthorized", "401 Unauthorized"],
    ["push-failed", 0, "forbidden", "you do not have access to this workspace"],
    ["push-failed", 1, "other", "no upload URL returned from server"],
    ["push-failed", 4, "other", "build timed out after 3s"],
    ["push-build-fails", 0, "other", "image build failed"],
    ["deploy-early-errors", 3, "other", "failed to create temp file"],
  ])("%s, run %i: %s", (name, run, kind, says) => {
    const reason = reasonOf(name, run);
    expect(reason).toContain(says);
    expect(refusalKind(reason)).toBe(kind);
  });

  it("a refused upload is its own reason, not the hint about the key that follows it", () => {
    expect(reasonOf("deploy-upload-refused", 0)).toMatch(/upload failed with status: 403 Forbidden$/u);
    expect(reasonOf("deploy-upload-refused", 1)).toMatch(/upload failed with status: 403 Forbidden$/u);
  });
});

describe("a refusal", () => {
  it.each([
    ['POST "http://127.0.0.1:401/sandboxes?upload=true": 502 Bad Gateway ', "gateway"],
    ['GET "https://api.blaxel.ai/v0/sandboxes/quota-404": 403 Forbidden {"error":"no"}', "forbidden"],
    ['POST "https://h/sandboxes": 403 Forbidden {"code":"QUOTA_EXCEEDED"}', "quota"],
    ['POST "https://h/sandboxes": 429 Too Many Requests ', "gateway"],
    ['POST "https://h/sandboxes": 409 Conflict {"error":"exists"}', "other"],
    ["dial tcp: lookup api.blaxel.ai: server misbehaving", "network"],
    ["504 ERROR The request could not be satisfied", "gateway"],
    ["does not have permission to create sandboxes", "forbidden"],
    ["You don't have permission to create sandboxes", "forbidden"],
    ["User is not authorized to perform this action", "forbidden"],
    ["Authentication required", "unauthorized"],
    ["API key expired", "unauthorized"],
    ["Rate limit exceeded", "gateway"],
    [
      "expected destination type of 'string' or '[]byte' for responses with content-type 'text/html' that is not 'application/json'",
      "gateway",
    ],
  ])("%s is %s", (reason, kind) => {
    expect(refusalKind(reason)).toBe(kind);
  });

  it("passes when a gateway or the network was at fault, not for a certificate", () => {
    expect(isPassing("502 Bad Gateway")).toBe(true);
    expect(isPassing("read: connection reset by peer")).toBe(true);
    expect(
      isPassing("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ).toBe(false);
    expect(isPassing("Unauthorized")).toBe(false);
  });
});
