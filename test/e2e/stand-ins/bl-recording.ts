/** An answer of the recorded control plane. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly uploadUrl: string | undefined;
  readonly body: string;
}

/** One recorded run of bl. */
export interface RecordedRun {
  readonly command: string;
  readonly comments: readonly string[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly requests: readonly RecordedRequest[];
}

/** Takes `size` bytes from a position of the text and tells where they end. */
function bytes(text: Buffer, from: number, size: number): { readonly value: string; readonly end: number } {
  return { value: text.toString("utf8", from, from + size), end: from + size + 1 };
}

function parseRequests(lines: readonly string[], bodies: Map<string, string>): RecordedRequest[] {
  const requests: {
    method: string;
    path: string;
    status: number;
    uploadUrl: string | undefined;
    body: string;
  }[] = [];
  for (const line of lines) {
    const head = /^([A-Z]+) (\/\S*)$/u.exec(line);
    if (head !== null) {
      requests.push({
        method: head[1] ?? "",
        path: head[2] ?? "",
        status: 200,
        uploadUrl: undefined,
        body: "",
      });
      continue;
    }
    const current = requests.at(-1);
    const answer = /^ {2}< (.*)$/u.exec(line)?.[1];
    if (current === undefined || answer === undefined) continue;
    const status = /^(\d{3})(?: X-Blaxel-Upload-Url: (\S+))?$/u.exec(answer);
    if (status !== null) {
      current.status = Number(status[1]);
      current.uploadUrl = status[2];
      continue;
    }
    const same = /^= \[(\w)\]$/u.exec(answer)?.[1];
    const named = /^\[(\w)\] (.*)$/u.exec(answer);
    current.body = same === undefined ? (named?.[2] ?? answer) : (bodies.get(same) ?? "");
    if (named?.[1] !== undefined) bodies.set(named[1], current.body);
  }
  return requests;
}

/** All runs of a recording. */
export function parseRecording(data: Buffer): readonly RecordedRun[] {
  const runs: RecordedRun[] = [];
  const bodies = new Map<string, string>();
  let at = 0;
  let comments: string[] = [];
  const line = (): string => {
    const end = data.indexOf("\n", at);
    const value = data.toString("utf8", at, end < 0 ? data.length : end);
    at = end < 0 ? data.length : end + 1;
    return value;
  };
  while (at < data.length) {
    const text = line();
    if (text.startsWith("# ")) comments.push(text.slice(2));
    if (!text.startsWith("$ ")) continue;
    const command = text.slice(2);
    const exitCode = Number(/^exit (-?\d+)$/u.exec(line())?.[1] ?? Number.NaN);
    const outputs: string[] = [];
    for (const name of ["stdout", "stderr"]) {
      const size = Number(new RegExp(`^--- ${name} (\\d+) bytes$`, "u").exec(line())?.[1] ?? 0);
      if (size === 0) {
        outputs.push("");
        continue;
      }
      const { value, end } = bytes(data, at, size);
      outputs.push(value);
      at = end;
    }
    const requests: string[] = [];
    if (line() === "--- requests") {
      for (;;) {
        const begin = at;
        const next = line();
        if (next.startsWith("--- left") || next === "" || at >= data.length) {
          if (next.startsWith("  <") || next.startsWith("  >")) requests.push(next);
          break;
        }
        if (next.startsWith("$ ") || next.startsWith("# ")) {
          at = begin;
          break;
        }
        requests.push(next);
      }
    }
    runs.push({
      command,
      comments,
      exitCode,
      stdout: outputs[0] ?? "",
      stderr: outputs[1] ?? "",
      requests: parseRequests(requests, bodies),
    });
    comments = [];
  }
  return runs;
}
