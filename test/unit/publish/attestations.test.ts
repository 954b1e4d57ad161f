import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFromJSON } from "@sigstore/bundle";
import { toSignedEntity, Verifier, type TrustMaterial } from "@sigstore/verify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { attest, checkAttestations } from "../../../src/publish/attestations";
import { sealed, STATEMENT_TYPE } from "../../../src/publish/envelope";
import { importReference } from "../../../src/publish/publish-image";
import { signerFrom, verificationKey, type Signer } from "../../../src/publish/signer";
import { addReferrer } from "../../../src/registry/referrers";
import { digestOf } from "../../../src/support/text/digest";
import { testHost } from "../lock/fixture/test-host";

const IMAGE = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.docker.distribution.manifest.v2+json",
  config: { digest: `sha256:${"a".repeat(64)}` },
  layers: [],
});
const DIGEST = digestOf(IMAGE);
const HEX = DIGEST.slice("sha256:".length);
const PROVENANCE = "https://slsa.dev/provenance/v1";
const SBOM = "https://cyclonedx.org/bom";
const ENVELOPE = "application/vnd.dsse.envelope.v1+json";

/** The writing half of a registry (OCI distribution-spec 1.1), in memory. */
class Registry {
  readonly manifests = new Map<string, string>();
  readonly blobs = new Map<string, string>();
  readonly asked: string[] = [];
  private readonly server: Server;
  constructor(private readonly hasReferrers: boolean) {
    this.server = createServer((request, response) => {
      const [path = "", query = ""] = (request.url ?? "").split("?");
      const name = path.split("/").at(-1) ?? "";
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        const method = request.method ?? "";
        this.asked.push(`${method} ${path}`);
        const end = (status: number, text = "", headers: Record<string, string> = {}): void => {
          response.writeHead(status, headers).end(text);
        };
        if (method === "POST") end(202, "", { location: "/v2/boxes/debian/blobs/uploads/1" });
        else if (method === "PUT" && path.includes("/uploads/")) {
          const digest = new URLSearchParams(query).get("digest") ?? "";
          if (digestOf(body) !== digest) end(400);
          else {
            this.blobs.set(digest, body);
            end(201);
          }
        } else if (method === "PUT") {
          this.manifests.set(name, body);
          this.manifests.set(digestOf(body), body);
          end(201, "", this.hasReferrers && body.includes('"subject"') ? { "oci-subject": DIGEST } : {});
        } else if (path.includes("/referrers/")) {
          const manifests = [...this.manifests]
            .filter(([key, text]) => key.startsWith("sha256:") && text.includes('"subject"'))
            .map(([digest, text]) => ({
              mediaType: "application/vnd.oci.image.manifest.v1+json",
              digest,
              size: text.length,
            }));
          if (this.hasReferrers) end(200, JSON.stringify({ schemaVersion: 2, manifests }));
          else end(404);
        } else {
          const found = path.includes("/blobs/") ? this.blobs.get(name) : this.manifests.get(name);
          end(found === undefined ? 404 : 200, found);
        }
      });
    });
  }
  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    return `127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }
  end(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
  /** What a manifest says, by tag or digest. */
  read(name: string): Artifact {
    return JSON.parse(this.manifests.get(name) ?? "null") as Artifact;
  }
}

let folder: string;
let registries: Registry[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attestations-"));
  registries = [];
  const subject = [{ name: "boxes/debian", digest: { sha256: HEX } }];
  const dependency = { name: "source", digest: { gitCommit: "0" }, annotations: { dirty: true } };
  const predicate = { buildDefinition: { resolvedDependencies: [dependency] } };
  writeFileSync(
    join(folder, "provenance.intoto.json"),
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject,
      predicateType: PROVENANCE,
      predicate,
    }),
  );
  writeFileSync(join(folder, "sbom.cdx.json"), JSON.stringify({ bomFormat: "CycloneDX", components: [] }));
});
afterEach(() => {
  for (const registry of registries) registry.end();
  rmSync(folder, { recursive: true, force: true });
});

const records = () => ({
  provenance: join(folder, "provenance.intoto.json"),
  sbom: join(folder, "sbom.cdx.json"),
});

async function published(hasReferrers = false) {
  const registry = new Registry(hasReferrers);
  registries.push(registry);
  registry.manifests.set(DIGEST, IMAGE);
  const reference = `${await registry.start()}/boxes/debian:1-1`;
  return { registry, image: { reference, digest: DIGEST } };
}

const KEYS = {
  ed25519: () => generateKeyPairSync("ed25519"),
  "ECDSA P-256": () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
} as const;
const pem = (key: KeyObject): string =>
  key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem" }) as string;

async function keysOf(kind: keyof typeof KEYS) {
  const pair = KEYS[kind]();
  const [secret, open] = [join(folder, "sign.key"), join(folder, "sign.pub")];
  writeFileSync(secret, pem(pair.privateKey));
  writeFileSync(open, pem(pair.publicKey));
  const signer = await signerFrom(testHost(), { signKey: secret, sign: undefined });
  if (signer === undefined) throw new Error("no signer");
  return { signer, key: await verificationKey(testHost(), open), publicKey: pair.publicKey };
}

interface Artifact {
  readonly artifactType: string;
  readonly subject: { readonly digest: string; readonly size: number; readonly mediaType: string };
  readonly layers: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** Verifies an envelope as sigstore's own library does, by the key alone. */
function verifiedBySigstore(envelope: string, publicKey: KeyObject): void {
  const bundle = bundleFromJSON({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: "key" }, tlogEntries: [] },
    dsseEnvelope: JSON.parse(envelope) as object,
  });
  const trusted: TrustMaterial = {
    certificateAuthorities: [],
    timestampAuthorities: [],
    tlogs: [],
    ctlogs: [],
    publicKey: () => ({ publicKey, validFor: () => true }),
  };
  const verifier = new Verifier(trusted, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundle));
}

describe("attestations in a registry", () => {
  it.each(["ed25519", "ECDSA P-256"] as const)(
    "signed with %s are taken by sigstore's library, and by ours",
    async (kind) => {
      const { registry, image } = await published();
      const { signer, key, publicKey } = await keysOf(kind);
      await attest(testHost(), records(), image, signer);
      const { layers } = registry.read(`sha256-${HEX}.att`);
      expect(layers.map(({ annotations }) => annotations["predicateType"])).toEqual([PROVENANCE, SBOM]);
      for (const { digest, mediaType, annotations } of layers) {
        expect(mediaType).toBe(ENVELOPE);
        expect(annotations["dev.cosignproject.cosign/signature"]).toBe("");
        const envelope = registry.blobs.get(digest) ?? "";
        verifiedBySigstore(envelope, publicKey);
        expect(() => {
          verifiedBySigstore(envelope, KEYS[kind]().publicKey);
        }).toThrow(/signature/u);
      }
      expect(signer.id).toBe(key.id);
      const attested = await checkAttestations(testHost(), image, key.key);
      expect(attested).toMatchObject({ image: importReference(image), dirty: true });
      expect(attested.predicates[SBOM]).toEqual({ bomFormat: "CycloneDX", components: [] });
    },
  );

  it("name the image as their subject; the registry lists them, or the tag sha256-<hex> does", async () => {
    for (const hasReferrers of [true, false]) {
      const { registry, image } = await published(hasReferrers);
      const { signer, key } = await keysOf("ed25519");
      await attest(testHost(), records(), image, signer);
      await attest(testHost(), records(), image, signer);
      const text = registry.manifests.get(`sha256-${HEX}.att`) ?? "";
      const artifact = registry.read(`sha256-${HEX}.att`);
      expect(artifact.artifactType).toBe("application/vnd.in-toto+json");
      expect(artifact.subject).toEqual({
        digest: DIGEST,
        size: IMAGE.length,
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
      });
      // Ed25519 gives the same signature again: nothing is there twice.
      expect(artifact.layers).toHaveLength(2);
      const list = registry.manifests.get(`sha256-${HEX}`);
      const listed =
        list === undefined ? undefined : (JSON.parse(list) as { manifests: { digest: string }[] });
      expect(listed?.manifests.map(({ digest }) => digest)).toEqual(
        hasReferrers ? undefined : [digestOf(text)],
      );
      registry.manifests.delete(`sha256-${HEX}.att`);
      await expect(checkAttestations(testHost(), image, key.key)).resolves.toBeDefined();
    }
  });

  it("keep what others attached to the image", async () => {
    const { registry, image } = await published();
    const piece = { mediaType: "text/plain", bytes: new Uint8Array(Buffer.from("theirs")), annotations: {} };
    await addReferrer(testHost(), importReference(image), `sha256-${HEX}.att`, "text/plain", [piece]);
    await attest(testHost(), records(), image, (await keysOf("ed25519")).signer);
    expect(registry.read(`sha256-${HEX}.att`).layers.map(({ mediaType }) => mediaType)).toEqual([
      "text/plain",
      ENVELOPE,
      ENVELOPE,
    ]);
  });

  it("keep what others attached, in whatever form it is listed", async () => {
    const { registry, image } = await published();
    const theirs = [
      { mediaType: "text/plain", digest: `sha256:${"b".repeat(64)}`, size: 1, annotations: null },
      { mediaType: "text/plain", digest: `sha256:${"c".repeat(64)}`, annotations: { n: 1 } },
      { something: "else" },
      "text",
    ];
    const { signer, key } = await keysOf("ed25519");
    registry.manifests.set(`sha256-${HEX}`, JSON.stringify({ schemaVersion: 2, manifests: theirs }));
    for (const found of [undefined, JSON.stringify({ schemaVersion: 2, layers: theirs })]) {
      if (found !== undefined) registry.manifests.set(`sha256-${HEX}.att`, found);
      await attest(testHost(), records(), image, signer);
      const list = JSON.parse(registry.manifests.get(`sha256-${HEX}`) ?? "") as { manifests: unknown[] };
      expect(list.manifests.slice(0, theirs.length)).toEqual(theirs);
    }
    expect(registry.read(`sha256-${HEX}.att`).layers.slice(0, -2)).toEqual(theirs);
    await expect(checkAttestations(testHost(), image, key.key)).resolves.toBeDefined();
  });

  it.each([
    ["the list", `sha256-${HEX}`],
    ["the artifact", `sha256-${HEX}.att`],
  ])("do not overwrite what stands in place of %s, unless it is an empty one", async (_, tag) => {
    const { registry, image } = await published();
    const { signer } = await keysOf("ed25519");
    const run = () => attest(testHost(), records(), image, signer);
    for (const other of ["<html>", "{}", '{"manifests":{},"layers":{}}']) {
      registry.manifests.set(tag, other);
      await expect(run()).rejects.toMatchObject({
        code: "IMAGE_FORMAT",
        kind: "upstream",
        message: expect.stringContaining(`boxes/debian:${tag}`) as string,
      });
      expect(registry.manifests.get(tag)).toBe(other);
    }
    registry.manifests.set(tag, '{"manifests":null,"layers":null}');
    await expect(run()).resolves.toBeUndefined();
  });

  it("are missing, signed with another key, or about another image", async () => {
    const { registry, image } = await published();
    const { signer, key } = await keysOf("ed25519");
    const check = () => checkAttestations(testHost(), image, key.key);
    await expect(check()).rejects.toMatchObject({ code: "ATTESTATION_MISSING", kind: "deploy" });
    await attest(testHost(), records(), image, (await keysOf("ECDSA P-256")).signer);
    await expect(check()).rejects.toMatchObject({ code: "ATTESTATION_UNTRUSTED", kind: "deploy" });
    if (signer.kind !== "key") throw new Error("it is a key");
    const other = readFileSync(join(folder, "provenance.intoto.json"), "utf8").replace(HEX, "f".repeat(64));
    const piece = {
      mediaType: ENVELOPE,
      bytes: new Uint8Array(Buffer.from(sealed(other, signer.key))),
      annotations: {},
    };
    await addReferrer(testHost(), importReference(image), `sha256-${HEX}.att`, STATEMENT_TYPE, [piece]);
    await expect(check()).rejects.toThrow(
      /3 attestations exist, 1 of them signed with it, about another image/u,
    );
    for (const [digest, text] of registry.blobs) registry.blobs.set(digest, `${text} `);
    await expect(check()).rejects.toMatchObject({ code: "REGISTRY_WRONG_BYTES" });
  });

  it("need the version's records, about that very image", async () => {
    const { registry, image } = await published();
    const { signer } = await keysOf("ed25519");
    const provenance = readFileSync(records().provenance, "utf8");
    writeFileSync(records().provenance, provenance.replace(HEX, "f".repeat(64)));
    await expect(attest(testHost(), records(), image, signer)).rejects.toMatchObject({
      code: "NOT_MEASURED",
      message: expect.stringContaining(`not about ${importReference(image)}`) as string,
    });
    expect(registry.blobs.size).toBe(0);
    for (const path of [records().provenance, records().sbom]) {
      writeFileSync(records().provenance, provenance);
      writeFileSync(path, `<<<<<<< HEAD\n${readFileSync(path, "utf8")}`);
      await expect(attest(testHost(), records(), image, signer)).rejects.toMatchObject({
        code: "NOT_MEASURED",
      });
    }
    writeFileSync(records().provenance, provenance);
    rmSync(join(folder, "sbom.cdx.json"));
    await expect(attest(testHost(), records(), image, signer)).rejects.toMatchObject({
      code: "NOT_MEASURED",
    });
  });
});

describe("who signs", () => {
  const fromKey = (text: string, env: Record<string, string> = {}): Promise<Signer | undefined> =>
    signerFrom(testHost({ env }), { signKey: text, sign: undefined });

  it("is a key in a file or a variable, and its text is hidden", async () => {
    const text = pem(KEYS.ed25519().privateKey);
    const host = testHost({ env: { OUR_KEY: text } });
    await expect(signerFrom(host, { signKey: "env:OUR_KEY", sign: undefined })).resolves.toMatchObject({
      kind: "key",
    });
    expect(host.redact(text)).not.toContain(text.split("\n")[1]);
  });

  it.each([
    ["a missing file", () => "/nonexistent/sign.key", /no such file/u],
    ["a missing variable", () => "env:NO_SUCH_KEY", /not set/u],
    ["a key in place of its file", () => pem(KEYS.ed25519().privateKey), /^--sign-key is the key itself\.$/u],
    ["an RSA key", () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, /kind rsa/u],
    ["another curve", () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, /kind secp384r1/u],
    ["a public key", () => KEYS.ed25519().publicKey, /no key that can be read/u],
  ])("is not %s", async (_, make, words) => {
    const made = make();
    const source = typeof made === "string" ? made : "env:KEY";
    const refused = fromKey(source, typeof made === "string" ? {} : { KEY: pem(made) });
    await expect(refused).rejects.toMatchObject({ code: "SIGN_KEY", kind: "usage" });
    await expect(refused).rejects.toThrow(words);
  });

  it("is cosign where it is on PATH, with predicates in files and nothing secret among its arguments", async () => {
    const { image } = await published();
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const log = join(folder, "log");
    writeFileSync(
      join(bin, "cosign"),
      `#!/bin/sh\necho "$@" >> ${log}\necho "key:$BL_API_KEY" >> ${log}\n[ "$6" = "" ] || cat "$6" >> ${log}\n`,
    );
    chmodSync(join(bin, "cosign"), 0o755);
    const host = testHost({ env: { PATH: `${bin}:/usr/bin:/bin`, BL_API_KEY: "bl-secret-1" } });
    const signer = await signerFrom(host, { signKey: undefined, sign: "cosign" });
    if (signer === undefined) throw new Error("no signer");
    await attest(host, records(), image, signer);
    const said = readFileSync(log, "utf8");
    expect(said).toMatch(/^version\nkey:\nattest --yes --type slsaprovenance1 --predicate \S+ \S+@sha256:/u);
    expect(said).toContain("attest --yes --type cyclonedx --predicate");
    expect(said).toContain('{"bomFormat":"CycloneDX","components":[]}');
  });

  it("is cosign with the login of this program's own variables, which it does not know", async () => {
    const { image } = await published();
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const log = join(folder, "log");
    const script = `cat "$DOCKER_CONFIG/config.json" >> ${log}; echo "$MESA_TEMPLATE_REGISTRY_PASSWORD" >> ${log}`;
    writeFileSync(join(bin, "cosign"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, "cosign"), 0o755);
    const registry = image.reference.split("/", 1)[0] ?? "";
    const env = {
      PATH: `${bin}:/usr/bin:/bin`,
      MESA_TEMPLATE_REGISTRY: registry,
      MESA_TEMPLATE_REGISTRY_USERNAME: "ci",
      MESA_TEMPLATE_REGISTRY_PASSWORD: "of-the-pipeline",
    };
    await attest(testHost({ env }), records(), image, { kind: "cosign", id: "cosign" });
    const auth = Buffer.from("ci:of-the-pipeline").toString("base64");
    const once = `${JSON.stringify({ auths: { [registry]: { auth } } })}\n`;
    expect(readFileSync(log, "utf8")).toBe(once + once);
  });

  it("is not cosign where it is missing, or refuses", async () => {
    const cosign = (PATH: string) =>
      signerFrom(testHost({ env: { PATH } }), { signKey: undefined, sign: "cosign" });
    await expect(cosign("/nonexistent")).rejects.toMatchObject({
      code: "COSIGN_MISSING",
      kind: "environment",
    });
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "cosign"), "#!/bin/sh\necho no identity >&2\nexit 1\n");
    chmodSync(join(bin, "cosign"), 0o755);
    await expect(cosign(`${bin}:/usr/bin:/bin`)).rejects.toMatchObject({
      code: "COSIGN_FAILED",
      log: ["no identity"],
    });
  });
});
