/** Prints the kernel's TCP tables; one may be missing (no IPv6). */
export const TCP_TABLES = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null";

/** Loopback addresses in the kernel's form on a little-endian machine: 127/8, ::1, and 127/8 inside IPv6. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/u;

/**
 * The listening ports in /proc/net/tcp and /proc/net/tcp6 (proc(5): local address as hex ADDRESS:PORT, remote address, state; 0A is
 * LISTEN), sorted, without duplicates; and whether each listens on the loopback only, unreachable from outside.
 */
export function listeningPorts(tables: string) {
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
