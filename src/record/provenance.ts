import { downloadsOf, imageReference, imagesOf } from "../lock/lock";
import type { ManifestEntry } from "../manifest/entry";
import { partsOf } from "../publish/published";
import { canonicalJson } from "../support/text/canonical-json";
import { hexOf, sha256 } from "../support/text/digest";
import type { Measured, VersionRecord } from "./record";
import { SBOM_FILE } from "./sbom";

/** File of the document in the record's folder. */
export const PROVENANCE_FILE = "provenance.intoto.json";

/** Builder and times (ISO) of a build. */
type BuildCircumstances = ManifestEntry["createdBy"] & {
  readonly toolVersion: string;
  readonly finishedOn: string;
};

/** A published image is identified by its manifest's digest, as in the registry; any other by its config's. */
function subjectOf({ image, template }: VersionRecord): object {
  const { registry } = image;
  return registry === undefined
    ? { name: `mesa-template/${template}`, digest: { sha256: hexOf(image.id) } }
    : {
        name: partsOf(registry.reference).repository,
        digest: { sha256: hexOf(registry.digest) },
      };
}

/**
 * An in-toto statement (v1) with a SLSA provenance predicate (v1): which image, from which inputs by digest, built by what.
 * @param sbom the SBOM's text, listed as a by-product
 */
export function provenanceOf(
  { record }: Measured,
  sbom: string,
  { toolVersion, finishedOn, commit, dirty, ci }: BuildCircumstances,
): string {
  const { lock } = record;
  const chain = lock.deb.vouched.by === "signed" ? lock.deb.vouched.chain : undefined;
  return canonicalJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: [subjectOf(record)],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:mesa-blaxel-templates:rendered-template:v1",
        externalParameters: { template: record.template, mesaVersion: record.mesaVersion },
        internalParameters: { inputsDigest: record.inputsDigest, generation: lock.generation },
        resolvedDependencies: [
          ...imagesOf(lock).map(([, image]) => ({
            uri: `docker://${imageReference(image)}`,
            digest: { sha256: hexOf(image.digest) },
          })),
          ...[lock.deb, ...downloadsOf(lock).map(([, download]) => download)].map((file) => ({
            uri: file.url,
            digest: { sha256: file.sha256 },
          })),
          ...(chain === undefined
            ? []
            : [
                { uri: chain.release.url, digest: { sha256: chain.release.sha256 } },
                { uri: chain.index.url, digest: { sha256: chain.index.sha256 } },
              ]),
          ...Object.entries(record.rendered).map(([name, text]) => ({
            name: `dockerfiles/${record.template}/${record.mesaVersion}/${name}`,
            digest: { sha256: /^\d+ bytes, sha256:([0-9a-f]{64})\n$/u.exec(text)?.[1] ?? sha256(text) },
          })),
          ...(commit === null
            ? []
            : [
                {
                  name: "source",
                  digest: { gitCommit: commit },
                  ...(dirty === true ? { annotations: { dirty } } : {}),
                },
              ]),
        ],
      },
      runDetails: {
        builder: {
          id: ci === null ? "urn:mesa-blaxel-templates:local" : ci,
          version: { "mesa-template": toolVersion },
        },
        metadata: { invocationId: record.id, finishedOn },
        byproducts: [{ name: SBOM_FILE, digest: { sha256: sha256(sbom) } }],
      },
    },
  });
}
