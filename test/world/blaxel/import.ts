import { readStream } from "../engine";
import type { WorldTools } from "../part";
import { DOCKER, OCI } from "../registry/lists";

/** An image that a registry is asked for; undefined for Blaxel's own names. The platform tells them by a host name with a dot. */
export function registryHost(image: string): string | undefined {
  const slash = image.indexOf("/");
  const host = image.slice(0, Math.max(0, slash));
  return host.includes(".") ? host : undefined;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** The login for a host in spec.runtime.dockerConfig, which is JSON in a string. */
function loginIn(dockerConfig: unknown, host: string): Login | undefined {
  if (typeof dockerConfig !== "string") return undefined;
  const { auths = {} } = JSON.parse(dockerConfig) as { readonly auths?: Record<string, { auth?: string }> };
  const said = Buffer.from(auths[host]?.auth ?? "", "base64").toString("utf8");
  const colon = said.indexOf(":");
  return colon < 0 ? undefined : { username: said.slice(0, colon), password: said.slice(colon + 1) };
}

/**
 * What the registry answers somebody with this login who asks for the image. The engine would not ask: it runs on the machine
 * that pushed, and has the image.
 */
async function statusAt(image: string, host: string, login: Login | undefined): Promise<number> {
  const [path = "", reference = "latest"] = image.slice(host.length + 1).split(/[@:](.*)/su);
  const basic =
    login === undefined
      ? {}
      : { Authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}` };
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`http://${host}/v2/${path}/manifests/${reference}`, {
      method: "HEAD",
      headers: { Accept: `${DOCKER.manifest}, ${OCI.manifest}, ${DOCKER.list}, ${OCI.list}`, ...headers },
    });
  const first = await ask({});
  const challenge = first.headers.get("www-authenticate") ?? "";
  if (first.status !== 401) return first.status;
  if (challenge.startsWith("Basic")) return (await ask(basic)).status;
  const [, realm = "", service = ""] = /realm="([^"]*)",service="([^"]*)"/u.exec(challenge) ?? [];
  const query = new URLSearchParams({ service, scope: `repository:${path}:pull` });
  const answer = await fetch(`${realm}?${query.toString()}`, { headers: basic });
  if (!answer.ok) return answer.status;
  const { token = "" } = (await answer.json()) as { readonly token?: string };
  return (await ask({ Authorization: `Bearer ${token}` })).status;
}

/**
 * Pulls an image for a sandbox from its registry, with the login that came along and no other.
 * @returns the local image's id
 * @throws Error in the words of the platform's log
 */
export async function importImage(
  { docker, config, faults }: WorldTools,
  image: string,
  dockerConfig: unknown,
  tag: string,
): Promise<string> {
  const host = registryHost(image) ?? "";
  const failed = (why: string): Error => new Error(`failed to import ${image}: ${why}`);
  const known = [config.ports.registry, config.ports.registryBasic].map(
    (port) => `127.0.0.1:${String(port)}`,
  );
  if (!known.includes(host)) throw failed(`dial tcp: lookup ${host}: no such host`);
  if (faults.take("import-unauthorized") !== undefined) throw failed("UNAUTHORIZED: authentication required");
  if (faults.take("import-gone") !== undefined) throw failed("MANIFEST_UNKNOWN: manifest unknown");
  const login = loginIn(dockerConfig, host);
  const status = await statusAt(image, host, login);
  if (status === 401 || status === 403) throw failed("UNAUTHORIZED: authentication required");
  if (status === 404) throw failed("MANIFEST_UNKNOWN: manifest unknown");
  try {
    const stream = await docker.pull(image, {
      platform: "linux/amd64",
      ...(login === undefined ? {} : { authconfig: { ...login, serveraddress: host } }),
    });
    await readStream(stream);
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error));
  }
  const { Id: id, Architecture: architecture, Os: os } = await docker.getImage(image).inspect();
  if (architecture !== "amd64" || os !== "linux")
    throw failed(`no match for platform linux/amd64: the image is for ${os}/${architecture}`);
  const [repo = "", name = ""] = tag.split(":");
  await docker.getImage(id).tag({ repo, tag: name });
  return id;
}
