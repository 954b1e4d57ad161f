import { imageReference, imagesOf, type LockedDownload, type LockedImage } from "../lock/lock";
import { partsOf } from "../publish/published";
import { canonicalJson } from "../support/text/canonical-json";
import type { Measured, Package } from "./record";
import { hexOf, sha256 } from "../support/text/digest";

/** File of the document in the record's folder. */
export const SBOM_FILE = "sbom.cdx.json";

/** A deterministic UUID of a text (RFC 9562, version 8). */
function uuidOf(text: string): string {
  const hex = sha256(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The CycloneDX 1.6 document of an image: the distribution's packages, Mesa's package, sandbox-api and the base image, with their locked
 * digests. The same record gives the same bytes.
 * @param toolVersion version of this program
 */
export async function sbomOf({ record }: Measured, toolVersion: string): Promise<string> {
  const { Models, Enums, Serialize, Spec, PackageURL } = await import("./cyclonedx");
  const { lock, image } = record;
  const hashes = (digest: string): InstanceType<typeof Models.HashDictionary> =>
    new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], hexOf(digest)]]);
  const purl = (
    type: string,
    namespace: string | undefined,
    name: string,
    version: string,
    qualifiers: Record<string, string>,
  ): string => new PackageURL(type, namespace, name, version, qualifiers, undefined).toString();

  const imagePurl = (
    digest: string,
    { repository, tag }: Pick<LockedImage, "repository" | "tag">,
  ): string => {
    const name = repository.split("/").at(-1) ?? repository;
    return purl("oci", undefined, name, digest, { repository_url: repository, tag, arch: "amd64" });
  };
  /** Where a file comes from, and its hash. */
  const fetched = ({ url, sha256: hex }: Pick<LockedDownload, "url" | "sha256">) => ({
    hashes: hashes(hex),
    externalReferences: new Models.ExternalReferenceRepository([
      new Models.ExternalReference(url, Enums.ExternalReferenceType.Distribution, { hashes: hashes(hex) }),
    ]),
  });

  const imageComponent = (locked: LockedImage): InstanceType<typeof Models.Component> =>
    new Models.Component(Enums.ComponentType.Container, locked.repository, {
      bomRef: imageReference(locked),
      version: locked.tag,
      hashes: hashes(locked.platformDigest),
      purl: imagePurl(locked.digest, locked),
    });
  const debComponent = new Models.Component(Enums.ComponentType.Application, lock.deb.package, {
    bomRef: `deb:${lock.deb.package}@${lock.deb.version}`,
    version: lock.deb.version,
    ...fetched(lock.deb),
    purl: purl("deb", "mesa", lock.deb.package, lock.deb.version, { arch: lock.deb.architecture }),
  });
  const downloadComponent = ([name, download]: readonly [string, LockedDownload]) =>
    new Models.Component(Enums.ComponentType.File, name, {
      bomRef: `download:${name}@${download.sha256}`,
      ...(download.version === undefined ? {} : { version: download.version }),
      ...fetched(download),
    });
  const packageComponent = ({ manager, name, version, architecture }: Package) =>
    new Models.Component(Enums.ComponentType.Library, name, {
      bomRef: `${manager}:${name}:${architecture}@${version}`,
      version,
      purl: purl(manager === "apk" ? "apk" : "deb", vendorOf(image.distribution), name, version, {
        arch: architecture,
      }),
    });

  const components = [
    ...imagesOf(lock).map(([, locked]) => imageComponent(locked)),
    debComponent,
    ...Object.entries(lock.downloads ?? {}).map(downloadComponent),
    // Mesa's own package is already listed, with its hash.
    ...record.packages.filter(({ name }) => name !== lock.deb.package).map(packageComponent),
  ];
  const { registry } = image;
  const subject = new Models.Component(Enums.ComponentType.Container, record.template, {
    bomRef: record.id,
    version: `${record.mesaVersion}-${String(record.revision)}`,
    hashes: hashes(image.id),
    ...(registry === undefined ? {} : { purl: imagePurl(registry.digest, partsOf(registry.reference)) }),
    description: image.distribution,
  });
  for (const component of components) subject.dependencies.add(component.bomRef);
  const bom = new Models.Bom({
    serialNumber: `urn:uuid:${uuidOf(`${record.id}\n${record.inputsDigest}\n${image.id}`)}`,
    metadata: new Models.Metadata({
      timestamp: new Date(lock.lockedAt),
      component: subject,
      tools: new Models.Tools({
        components: new Models.ComponentRepository([
          new Models.Component(Enums.ComponentType.Application, "mesa-template", { version: toolVersion }),
        ]),
      }),
    }),
    components: new Models.ComponentRepository(components),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return canonicalJson(JSON.parse(serializer.serialize(bom, { sortLists: true })));
}

function vendorOf(distribution: string): string {
  return /^\w+/u.exec(distribution.toLowerCase())?.[0] ?? "unknown";
}
