import { resolve } from "node:path";
import { workspaceInUse } from "../../blaxel/credentials";
import type { CommandHandler } from "../command";
import { openManifest } from "../manifest-context";
import { deployedIn, workspaceAsked } from "../../manifest/versions/usable-image";
import { checkAttestations } from "../../publish/attestations";
import { verificationKey } from "../../publish/signer";
import { realStages } from "../../release/stages/stages";
import { verifyVersion, type VerifyResult } from "../../release/verify";
import { Failure, wrongUsage } from "../../support/errors";

export const run: CommandHandler = async (args, context) => {
  if (args.flag("attestations")) return attestations(args, context);
  if (args.text("key") !== undefined)
    throw wrongUsage("--key belongs to --attestations.", "Give both, or neither.");
  const { manifest, entries } = await openManifest(context);
  const workspace = workspaceAsked(manifest, await workspaceInUse(context.host));
  const request = {
    allowSkipped: args.flag("allow-skipped"),
    checks: args.list("checks").map((file) => resolve(file)),
  };
  const stages = realStages(context);
  const results: VerifyResult[] = [];
  const deployed = entries(args.required("ref")).map((entry) => ({ entry, ...deployedIn(entry, workspace) }));
  for (const { entry, deployment } of deployed)
    results.push(await verifyVersion(context, request, entry, deployment, stages));
  const unproven = results.find(({ error }) => error !== undefined);
  if (unproven?.error !== undefined) throw unproven.error;
  return {
    json: {
      results: results.map(({ id, status, report }) => {
        const { passed, failed, skipped, durationMs, checks } = report;
        return { id, status, passed, failed, skipped, durationMs, checks };
      }),
    },
    text: results
      .map(({ id, status, report }) => `${id}: ${status}, ${String(report.passed)} passed\n`)
      .join(""),
  };
};

/** Checks signatures in the registry; needs neither Blaxel nor an engine. */
const attestations: CommandHandler = async (args, context) => {
  const { host } = context;
  const source = args.text("key");
  if (source === undefined)
    throw wrongUsage(
      "--attestations needs the public key: --key FILE.",
      "What cosign signed without a key is checked with cosign verify-attestation.",
    );
  const { key, id: signedBy } = await verificationKey(host, source);
  const { entries } = await openManifest(context);
  const results = [];
  for (const { id, image } of entries(args.required("ref"))) {
    const { registryReference: reference, registryDigest: digest } = image;
    if (reference === undefined || digest === undefined)
      throw new Failure({
        code: "NOT_PUBLISHED",
        kind: "deploy",
        message: `${id} is in no registry, so its image has no attestations.`,
        hint: "Release it with a registry ([publish] registry in upstream.toml, or --registry) and --sign-key.",
      });
    results.push({ id, signedBy, ...(await checkAttestations(host, { reference, digest }, key)) });
  }
  return {
    json: { results },
    text: results
      .map(
        ({ id, image, dirty }) =>
          `${id}: provenance and SBOM of ${image} are signed by ${signedBy}${dirty ? "; templates/ differed from the commit that the provenance names" : ""}\n`,
      )
      .join(""),
  };
};
