/**
 * What a BuildKit trace message tells: steps that begin, end or fail, and lines they print. The message is a protobuf
 * StatusResponse (moby/buildkit api/services/control/control.proto): 1 vertexes {1 digest, 3 name, 7 error}, 3 logs {1
 * vertex, 4 msg}. Only these fields are read, so a full decoder is not needed.
 */
export interface TraceEvents {
  readonly steps: readonly { readonly digest: string; readonly name: string; readonly error: string | undefined }[];
  readonly logs: readonly { readonly step: string; readonly text: string }[];
}

interface Field {
  readonly number: number;
  readonly bytes: Buffer | undefined;
}

function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) varint();
    else if (kind === 2) {
      const size = varint();
      yield { number, bytes: message.subarray(at, at + size) };
      at += size;
    } else at += kind === 1 ? 8 : 4;
  }
}

function textOf(fields: readonly Field[], number: number): string {
  return fields.find((field) => field.number === number)?.bytes?.toString("utf8") ?? "";
}

/** Reads one trace, as it stands base64-encoded in the stream's `aux`. */
export function readTrace(aux: string): TraceEvents {
  const steps: TraceEvents["steps"][number][] = [];
  const logs: TraceEvents["logs"][number][] = [];
  for (const field of fieldsOf(Buffer.from(aux, "base64"))) {
    if (field.bytes === undefined) continue;
    const inner = [...fieldsOf(field.bytes)];
    if (field.number === 1) {
      const error = textOf(inner, 7);
      steps.push({ digest: textOf(inner, 1), name: textOf(inner, 3), error: error === "" ? undefined : error });
    } else if (field.number === 3) logs.push({ step: textOf(inner, 1), text: textOf(inner, 4) });
  }
  return { steps, logs };
}
