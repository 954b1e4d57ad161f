import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { CheckContext, CheckVerdict, ImageAtRest } from "../../../src/smoke/check";
import { IMAGE_CHECKS } from "../../../src/smoke/checks/image";

const LABELS = join(import.meta.dirname, "../../../templates/partials/labels.hbs");

async function credentialsIn(labels: Readonly<Record<string, string>>): Promise<CheckVerdict> {
  const check = IMAGE_CHECKS.find(({ name }) => name === "no credential in environment, labels or history");
  if (check?.needs !== "image") throw new Error("it is not about the image");
  const image: Partial<ImageAtRest> = {
    config: { env: ["PATH=/bin"], labels } as unknown as ImageAtRest["config"],
    contents: () =>
      Promise.resolve({ history: [] } as unknown as Awaited<ReturnType<ImageAtRest["contents"]>>),
  };
  return check.run(image as ImageAtRest, {} as CheckContext);
}

it.each([
  ["api_key", "a-value"],
  ["com.acme.token", "a-value"],
  ["com.acme.deploy-PASSWORD", "a-value"],
  ["com.acme.api-key", "a-value"],
  ["com.acme.ci", `ghp_${"a".repeat(36)}`],
])("a label that holds a credential is told by its name alone: %s", async (name, value) => {
  const verdict = await credentialsIn({ [name]: value, "com.acme.team": "agents" });
  expect(verdict).toMatchObject({ outcome: "failed", seen: `LABEL ${name}` });
});

it("labels as templates and others write them hold no credential", async () => {
  const ours = [...readFileSync(LABELS, "utf8").matchAll(/([a-z.-]+)="/gu)].map(([, name = ""]) => name);
  expect(ours.length).toBeGreaterThan(5);
  const usual = {
    ...Object.fromEntries(ours.map((name) => [name, "x"])),
    "org.opencontainers.image.revision": `sha256:${"a".repeat(64)}`,
    "org.opencontainers.image.source": "https://packages.example/mesa/mesa_0.20.0_amd64.deb",
    "org.opencontainers.image.ref.name": "debian",
    "com.acme.token-url": "https://login.acme.example/token",
    "com.acme.secrets-from": "vault",
    "mesa-template.run": "a1b2",
  };
  expect(await credentialsIn(usual)).toEqual({ outcome: "passed" });
});
