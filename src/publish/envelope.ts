import { sign, verify, type KeyObject } from "node:crypto";
import * as z from "zod/mini";
import { parsedJson } from "../support/text/parsed-json";

/** A statement in a DSSE envelope (secure-systems-lab/dsse, envelope.md). */
const envelopeSchema = z.object({
  payloadType: z.string(),
  payload: z.string(),
  signatures: z.array(z.object({ sig: z.string() })),
});

/** The media type of an in-toto statement. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

/** The signed bytes: type and payload, each with its length (DSSE protocol, "pre-authentication encoding"). */
function preAuthenticationEncoding(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${String(Buffer.byteLength(type))} ${type} ${String(payload.length)} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Ed25519 signs the bytes directly, ECDSA their sha256. */
const hashFor = (key: KeyObject): "sha256" | null => (key.asymmetricKeyType === "ed25519" ? null : "sha256");

/** Wraps an in-toto statement in a DSSE envelope with one signature. Without key id, like cosign. */
export function sealed(statement: string, key: KeyObject): string {
  const payload = Buffer.from(statement);
  const signature = sign(hashFor(key), preAuthenticationEncoding(STATEMENT_TYPE, payload), key);
  return JSON.stringify({
    payloadType: STATEMENT_TYPE,
    payload: payload.toString("base64"),
    signatures: [{ keyid: "", sig: signature.toString("base64") }],
  });
}

/** The statement in an envelope signed with this key; undefined if it is not such an envelope, or not signed with this key. */
export function opened(envelope: Uint8Array, key: KeyObject): string | undefined {
  const read = z.safeParse(envelopeSchema, parsedJson(envelope));
  if (!read.success || read.data.payloadType !== STATEMENT_TYPE) return undefined;
  const payload = Buffer.from(read.data.payload, "base64");
  const data = preAuthenticationEncoding(STATEMENT_TYPE, payload);
  const isSigned = read.data.signatures.some(({ sig }) =>
    verify(hashFor(key), data, key, Buffer.from(sig, "base64")),
  );
  return isSigned ? payload.toString("utf8") : undefined;
}
