type Field = { readonly number: number; readonly bytes?: Uint8Array; readonly value?: number };

/** The fields of one protobuf message: length-delimited ones as bytes, varints as numbers. Skips fixed-width ones. */
function fieldsOf(message: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at];
      if (byte === undefined) throw new Error("a protobuf message ends in the middle of a number");
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) fields.push({ number, value: varint() });
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      if (at + length > message.length) throw new Error("a protobuf message is shorter than it says");
      fields.push({ number, bytes: message.subarray(at, at + length) });
      at += length;
    } else throw new Error(`a protobuf field has the unknown kind ${String(kind)}`);
  }
  return fields;
}

function text(fields: readonly Field[], number: number): string {
  const found = fields.findLast((field) => field.number === number);
  return found?.bytes === undefined ? "" : Buffer.from(found.bytes).toString("utf8");
}

function messages(fields: readonly Field[], number: number): readonly (readonly Field[])[] {
  return fields.flatMap((field) =>
    field.number === number && field.bytes !== undefined ? [fieldsOf(field.bytes)] : [],
  );
}

export type BuildKitStatus = ReturnType<typeof decodeStatus>;

/**
 * Decodes the `aux` of a moby.buildkit.trace message (after base64), BuildKit's progress: only the parts in use (moby/buildkit
 * api/services/control/control.proto, StatusResponse). Throws on invalid bytes.
 */
export function decodeStatus(message: Uint8Array) {
  const fields = fieldsOf(message);
  const has = (of: readonly Field[], number: number): boolean => of.some((field) => field.number === number);
  return {
    /** Steps, and whether each was cached, ran or failed. */
    vertexes: messages(fields, 1).map((vertex) => ({
      digest: text(vertex, 1),
      name: text(vertex, 3),
      cached: vertex.some((field) => field.number === 4 && field.value === 1),
      started: has(vertex, 5),
      error: text(vertex, 7),
    })),
    /** Output of steps. */
    logs: messages(fields, 3).map((log) => ({
      vertex: text(log, 1),
      data: log.find((field) => field.number === 4)?.bytes ?? new Uint8Array(),
    })),
  };
}
