/** A TCP port that is listened on. */
export interface ListeningPort {
  readonly port: number;
  /** Whether only the loopback hears it, so that nobody outside does. */
  readonly loopback: boolean;
}

/** Prints the kernel's tables of TCP sockets; one of them may be missing (no IPv6). */
export const TCP_TABLES = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null";

/** Loopback addresses as the kernel writes them on a little-endian machine: 127/8, ::1, and 127/8 inside IPv6. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/u;

/**
 * The listening ports in the text of /proc/net/tcp and /proc/net/tcp6 (proc(5): local address as hex ADDRESS:PORT, then remote
 * address, then state; 0A is LISTEN), in order, each once.
 */
export function listeningPorts(tables: string): readonly ListeningPort[] {
  const found = new Map<number, boolean>();
  for (const line of tables.split("\n")) {
    const [, address = "", hex = ""] =
      /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /u.exec(line) ?? [];
    if (hex === "") continue;
    const port = Number.parseInt(hex, 16);
    found.set(port, (found.get(port) ?? true) && LOOPBACK.test(address));
  }
  return [...found].map(([port, loopback]) => ({ port, loopback })).sort((a, b) => a.port - b.port);
}
