import { connect, createServer, type Socket } from "node:net";

/** A network line: what a round trip takes, and how much goes through. */
export interface Line {
  readonly roundTripMs: number;
  readonly megabitsPerSecond: number;
}

/**
 * Puts a line between 127.0.0.1:PORT, which it answers with, and a server on this machine. All connections share its
 * width; a connection costs a round trip before its first byte.
 */
export async function throughLine(target: number, line: Line): Promise<number> {
  const up = direction(line);
  const down = direction(line);
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    carry(near, far, up, line.roundTripMs);
    carry(far, near, down, 0);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Says how many ms from now so many bytes arrive at the other end. */
function direction({ roundTripMs, megabitsPerSecond }: Line): (bytes: number) => number {
  let freeAt = 0;
  return (bytes) => {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + (bytes * 8) / (megabitsPerSecond * 1000);
    return freeAt - now + roundTripMs / 2;
  };
}

function carry(from: Socket, to: Socket, arrivesIn: (bytes: number) => number, setUpMs: number): void {
  let openIn = setUpMs;
  from.setNoDelay(true);
  from.on("data", (data: Buffer) => {
    setTimeout(() => to.write(data), arrivesIn(data.length) + openIn);
    openIn = 0;
  });
  from.on("end", () => {
    setTimeout(() => to.end(), arrivesIn(0));
  });
  from.on("error", () => to.destroy());
}
