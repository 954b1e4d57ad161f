import type { KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { loginOfVariables } from "../registry/logins";
import { addReferrer, piecesBeside } from "../registry/referrers";
import { Failure } from "../support/errors";
import { readIfPresent, withTemporaryFolder, writeAtomically } from "../support/files/files";
import type { Host } from "../support/host";
import { opened, sealed, STATEMENT_TYPE } from "./envelope";
import { importReference } from "./publish-image";
import type { Published } from "./published";
import { runCosign, type Signer } from "./signer";
import { hexOf } from "../support/text/digest";
import { parsedJson } from "../support/text/parsed-json";

const ENVELOPE = "application/vnd.dsse.envelope.v1+json";

/** The attestations of an image: predicate type (in-toto), cosign's name, and a name for people. */
const KINDS = [
  { type: "https://slsa.dev/provenance/v1", cosign: "slsaprovenance1", name: "provenance" },
  { type: "https://cyclonedx.org/bom", cosign: "cyclonedx", name: "SBOM" },
] as const;

/** Tag under which cosign stores an image's attestations: sha256-<hex>.att (cosign, specs/ATTESTATION_SPEC.md and pkg/oci/remote). */
const tagOf = (digest: string): string => `${digest.replace(":", "-")}.att`;

const statementSchema = z.looseObject({
  subject: z.array(z.looseObject({ digest: z.record(z.string(), z.string()) })),
  predicateType: z.string(),
  predicate: z.unknown(),
});

/** Whether a published image is a statement's subject. */
function isAbout({ digest: own }: Published, { subject }: z.infer<typeof statementSchema>): boolean {
  return subject.some(({ digest }) => digest["sha256"] === hexOf(own));
}

/** Where a version's provenance and SBOM are. */
export interface Records {
  readonly provenance: string;
  readonly sbom: string;
}

/**
 * Signs a published image's provenance and SBOM, and attaches them to it.
 * @param records the paths of both in the version's records
 * @throws Failure NOT_MEASURED (exit 8), PUSH_REFUSED, REGISTRY_… , COSIGN_FAILED (exit 3)
 */
export async function attest(
  host: Host,
  records: Records,
  published: Published,
  signer: Signer,
): Promise<void> {
  const statements = await statementsIn(records, published);
  const image = importReference(published);
  if (signer.kind === "key") {
    const pieces = KINDS.map(({ type }, at) => ({
      mediaType: ENVELOPE,
      bytes: new Uint8Array(Buffer.from(sealed(statements[at] ?? "", signer.key))),
      // cosign ignores attestations without the first one, and distinguishes kinds by the second one.
      annotations: { "dev.cosignproject.cosign/signature": "", predicateType: type },
    }));
    await addReferrer(host, image, tagOf(published.digest), STATEMENT_TYPE, pieces);
    return;
  }
  await withTemporaryFolder("attest", async (temporary) => {
    const login = loginOfVariables(host, image);
    if (login !== undefined) await writeFile(join(temporary, "config.json"), login, { mode: 0o600 });
    const env = login === undefined ? host.env : { ...host.env, DOCKER_CONFIG: temporary };
    for (const [at, { cosign, name }] of KINDS.entries()) {
      const file = join(temporary, `${name}.json`);
      const { predicate } = statementSchema.parse(JSON.parse(statements[at] ?? ""));
      await writeAtomically(file, JSON.stringify(predicate));
      await runCosign({ ...host, env }, ["attest", "--yes", "--type", cosign, "--predicate", file, image]);
    }
  });
}

/** The statements of a version's records, in the order of KINDS; the SBOM's has the provenance's subject. */
async function statementsIn(records: Records, published: Published): Promise<readonly string[]> {
  const [provenance = "", sbom = ""] = await Promise.all(
    [records.provenance, records.sbom].map(async (path) => (await readIfPresent(path))?.toString("utf8")),
  );
  const statement = statementSchema.safeParse(parsedJson(provenance)).data;
  const predicate = parsedJson(sbom);
  if (statement === undefined || predicate === undefined || !isAbout(published, statement))
    throw new Failure({
      code: "NOT_MEASURED",
      kind: "manifest",
      message: `There is nothing to sign: ${records.provenance} or ${records.sbom} is missing, damaged, or not about ${importReference(published)}.`,
      hint: "Restore them from git, or measure again: mesa-template release VERSION --force.",
    });
  return [
    provenance,
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: statement.subject,
      predicateType: KINDS[1].type,
      predicate,
    }),
  ];
}

/** Attestations of an image that are signed with the requested key. */
export interface Attested {
  /** registry/path@sha256:… */
  readonly image: string;
  /** By predicate type. */
  readonly predicates: Readonly<Record<string, unknown>>;
  /** Whether templates/ differed from its commit, according to the provenance. */
  readonly dirty: boolean;
}

/**
 * Checks that an image's provenance and SBOM are attached to it in the registry, match its digest, and are signed with this key.
 * @throws Failure ATTESTATION_MISSING, ATTESTATION_UNTRUSTED (exit 7), REGISTRY_… (exit 3, 4)
 */
export async function checkAttestations(host: Host, published: Published, key: KeyObject): Promise<Attested> {
  const image = importReference(published);
  const envelopes = await piecesBeside(host, image, tagOf(published.digest), ENVELOPE);
  const signed = envelopes.flatMap((envelope) => {
    const statement = opened(envelope, key);
    return statement === undefined ? [] : [statementSchema.parse(JSON.parse(statement))];
  });
  const about = signed.filter((statement) => isAbout(published, statement));
  const missing = KINDS.filter(({ type }) => about.every(({ predicateType }) => predicateType !== type));
  if (missing.length > 0) throw unproven(image, missing, envelopes.length, signed.length);
  const predicates = Object.fromEntries(
    about.map(({ predicateType, predicate }) => [predicateType, predicate]),
  );
  return { image, predicates, dirty: saysDirty(predicates[KINDS[0].type]) };
}

function unproven(
  image: string,
  missing: readonly (typeof KINDS)[number][],
  found: number,
  signed: number,
): Failure {
  const what = missing.map(({ name }) => name).join(" and ");
  if (found === 0)
    return new Failure({
      code: "ATTESTATION_MISSING",
      kind: "deploy",
      message: `The registry holds no attestations of ${image}.`,
      hint: "Release it again with --sign-key: its provenance and SBOM are signed and put beside the image. What cosign signed without a key is checked with cosign verify-attestation.",
    });
  return new Failure({
    code: "ATTESTATION_UNTRUSTED",
    kind: "deploy",
    message: `No ${what} of ${image} is signed with this key: ${String(found)} attestations exist, ${String(signed)} of them signed with it${signed > 0 ? ", about another image or of another kind" : ""}.`,
    hint: "Check that --key is the public part of the key that the release was signed with. Otherwise somebody else wrote them: do not use the image.",
  });
}

const dirtySchema = z.looseObject({
  buildDefinition: z.looseObject({
    resolvedDependencies: z.array(
      z.looseObject({ annotations: z.optional(z.looseObject({ dirty: z.optional(z.boolean()) })) }),
    ),
  }),
});

function saysDirty(provenance: unknown): boolean {
  const read = z.safeParse(dirtySchema, provenance);
  return (
    read.success &&
    read.data.buildDefinition.resolvedDependencies.some(({ annotations }) => annotations?.dirty === true)
  );
}
