import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex } from "node:stream";

/** How ssh is called for ssh://[user@]host[:port][/path of the socket]: the arguments docker/cli gives it (cli/connhelper/ssh). */
export function sshArguments(url: string): readonly string[] {
  const { username, hostname, port, pathname } = new URL(url);
  return [
    ...(username === "" ? [] : ["-l", decodeURIComponent(username)]),
    ...(port === "" ? [] : ["-p", port]),
    "-o",
    "ConnectTimeout=30",
    "-T",
    "--",
    hostname,
    "docker",
    ...(pathname === "" || pathname === "/" ? [] : ["--host", `unix://${pathname}`]),
    "system",
    "dial-stdio",
  ];
}

/**
 * Connections to an engine behind ssh, as the docker command makes them: the ssh program with its own configuration, keys and known
 * hosts, and `docker system dial-stdio` at the other end. docker-modem's own ssh reads none of these and checks no host key.
 */
export function sshAgent(url: string, env: Readonly<Record<string, string | undefined>>): Agent {
  const agent = new Agent({ keepAlive: false });
  return Object.assign(agent, { createConnection: () => sshConnection(url, env) });
}

function sshConnection(url: string, env: Readonly<Record<string, string | undefined>>): Duplex {
  const child = spawn("ssh", [...sshArguments(url)], { env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("utf8")).slice(-2000);
  });
  const connection = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on("error", (error) => {
    connection.destroy(error);
  });
  child.on("close", (code) => {
    if (code !== 0 && !connection.destroyed)
      connection.destroy(new Error(`ssh ended with ${String(code)}: ${said.trim()}`));
  });
  connection.on("close", () => child.kill());
  // http asks its sockets for these; a pair of pipes has no use for them.
  const itself = (): Duplex => connection;
  return Object.assign(connection, {
    setTimeout: itself,
    setNoDelay: itself,
    setKeepAlive: itself,
    ref: itself,
    unref: itself,
  });
}
