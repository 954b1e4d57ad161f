/** Whether a host name (without port) is this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    hostname === "::1" ||
    /^127\.\d+\.\d+\.\d+$/u.test(hostname)
  );
}

/** Whether a host name is this machine or an address of a private network (RFC 1918), such as a container bridge. */
export function isPrivateNetwork(hostname: string): boolean {
  return (
    isLoopback(hostname) ||
    /^10\.\d+\.\d+\.\d+$/u.test(hostname) ||
    /^192\.168\.\d+\.\d+$/u.test(hostname) ||
    /^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/u.test(hostname)
  );
}
