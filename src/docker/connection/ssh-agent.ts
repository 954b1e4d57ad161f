import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex } from "node:stream";

/** Arguments of ssh for ssh://[user@]host[:port][/path of the socket], as in docker/cli (cli/connhelper/ssh). */
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
 * Connections to an engine behind ssh, made like the docker command's: the ssh program with its own configuration, keys and known hosts,
 * and `docker system dial-stdio` on the other side. docker-modem's own ssh reads none of these and checks no host key. Connections are
 * reused, because each one costs a handshake and a login.
 */
export function sshAgent(url: string, env: Readonly<Record<string, string | undefined>>): Agent {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4 });
  return Object.assign(agent, { createConnection: () => sshConnection(url, env) });
}

function sshConnection(url: string, env: Readonly<Record<string, string | undefined>>): Duplex {
  const child = spawn("ssh", [...sshArguments(url)], { env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const connection = new Duplex({
    read: () => void child.stdout.resume(),
    // An ssh that ended early accepts no input; its exit code gives the reason.
    write: (chunk: Buffer, _encoding, done) =>
      void child.stdin.write(chunk, () => {
        done();
      }),
    final: (done) =>
      void child.stdin.end(() => {
        done();
      }),
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  let errorOutput = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errorOutput = (errorOutput + chunk.toString("utf8")).slice(-2000);
  });
  child.stdout.on("data", (chunk: Buffer) => {
    if (!connection.push(chunk)) child.stdout.pause();
  });
  child.stdin.on("error", () => undefined);
  child.on("error", (error) => connection.destroy(error));
  child.on("close", (code) => {
    if (code === 0) connection.push(null);
    else connection.destroy(new Error(`ssh ended with ${String(code)}: ${errorOutput.trim()}`));
  });
  // http calls these on its sockets; a pair of pipes needs none of the first three. A kept connection must not keep the process alive.
  const itself = (): Duplex => connection;
  const handles = [child, child.stdin, child.stdout, child.stderr] as readonly Partial<Handle>[];
  const all = (what: keyof Handle) => (): Duplex => {
    for (const handle of handles) handle[what]?.();
    return connection;
  };
  return Object.assign(connection, {
    setTimeout: itself,
    setNoDelay: itself,
    setKeepAlive: itself,
    ref: all("ref"),
    unref: all("unref"),
  });
}

interface Handle {
  ref(): unknown;
  unref(): unknown;
}
