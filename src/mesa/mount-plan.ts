import { createHash } from "node:crypto";
import { generationOf } from "./generation";
import { usesLayout, type RepoMount } from "./mounts";

/** Where a mount shows things, and what makes it. */
export interface MountPlan {
  /** The mounted folder. */
  readonly mountPoint: string;
  /** Paths of the repositories by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  /** Environment of the mount command; holds the credential. */
  readonly env: Readonly<Record<string, string>>;
  /** Shell script that mounts; holds no credential. It reads what it needs from the environment. */
  readonly script: string;
  /** Files with credentials that the CLI or the script leave behind; to be removed after the mount. */
  readonly leftovers: readonly string[];
  readonly logFile: string;
  /** Secret values in `env`: the credential, and values made from it. */
  readonly secrets: readonly string[];
}

export interface MountRequest {
  readonly version: string;
  readonly org: string;
  /** As placeMounts gives them. */
  readonly mounts: readonly RepoMount[];
  /** The sandbox's own: an API key or a token, as the generation takes it. */
  readonly credential: string;
  /** MESA_API_URL or MESA_SERVICE_DOMAIN for the CLI, when it is not Mesa's own service. */
  readonly service: Readonly<Record<string, string>>;
  /** Folder everything goes below; its own for each mount. */
  readonly base: string;
}

/** What the CLI must be told of an API that is not Mesa's own: its service domain, and the address itself. */
export function serviceVariables(apiUrl: string): Record<string, string> {
  const { origin, hostname, protocol } = new URL(apiUrl);
  if (origin === "https://api.mesa.dev") return {};
  return {
    MESA_API_URL: origin,
    ...(protocol === "https:" && hostname.startsWith("api.")
      ? { MESA_SERVICE_DOMAIN: hostname.slice("api.".length) }
      : {}),
  };
}

/** How a version of the CLI mounts: one table by generation (see GENERATIONS), no branches anywhere else. */
export function mountPlan(request: MountRequest): MountPlan {
  const { version, org, mounts, credential, base } = request;
  const generation = generationOf(version);
  const mountPoint = `${base}/mnt`;
  const home = `${base}/home`;
  const logFile = `${base}/mesa.log`;
  const common = {
    ...request.service,
    HOME: home,
    MESA_MOUNT_POINT: mountPoint,
    MESA_RUNTIME_DIR: `${base}/run`,
    MESA_DAEMON_LOG_FILE: logFile,
  };
  // What the daemon of an earlier mount left behind would be taken for one that runs, and its log for that of this one.
  const prepare = `umask 077; rm -rf ${base}/run ${logFile}; mkdir -p ${base}/run ${home} ${mountPoint}; chmod 755 ${base} ${mountPoint}`;
  const paths = Object.fromEntries(
    mounts.map(({ path, entry }) => [`${org}/${entry.name}`, `${mountPoint}${path}`]),
  );
  const plan = (
    env: Record<string, string>,
    script: string,
    leftovers: readonly string[] = [],
    made: readonly string[] = [],
  ): MountPlan => ({
    mountPoint,
    paths,
    env: { ...common, ...env },
    script: `${prepare}; ${script}`,
    leftovers,
    logFile,
    secrets: [credential, ...made],
  });
  if (usesLayout(version, org, mounts)) {
    const layout = JSON.stringify(Object.fromEntries(mounts.map(({ path, entry }) => [path, entry])));
    const file = `${base}/layout.json`;
    return plan(
      {
        // From 0.48 on the token names its organization.
        ...(generation.layout === "always" ? {} : { MESA_ORG: org }),
        MESA_ACCESS_TOKEN: credential,
        MESA_NO_CONFIG_FILE: "1",
        MESA_TEMPLATE_LAYOUT: layout,
      },
      `printf '%s\\n' "$MESA_TEMPLATE_LAYOUT" > ${file} && unset MESA_TEMPLATE_LAYOUT && mesa mount -d --layout ${file}`,
    );
  }
  const config = `${base}/config.toml`;
  switch (generation.name) {
    case "config-file":
      return plan(
        { MESA_TEMPLATE_KEY: credential },
        `printf 'mount-point = "%s"\\n\\n[organizations.%s]\\napi-key = "%s"\\n' '${mountPoint}' '${org}' "$MESA_TEMPLATE_KEY" > ${config} && unset MESA_TEMPLATE_KEY && mesa -c ${config} mount --daemonize`,
        [config],
      );
    case "orgs":
      return plan({ MESA_ORGS: `${org}:${credential}` }, "mesa mount -d -y", [
        `${home}/.config/mesa/config.toml`,
      ]);
    case "secret-store": {
      // The vault lives as long as the mount takes; a passphrase nobody has to remember, and that does not tell the key.
      const passphrase = createHash("sha256").update(`vault ${credential}`).digest("base64url");
      return plan(
        { MESA_ORGS: `${org}:${credential}`, MESA_VAULT_PASSPHRASE: passphrase },
        "mesa mount --daemonize -y",
        [`${home}/.local/share/mesa/secrets.vault.age`, `${home}/.local/share/mesa/secrets.plaintext.toml`],
        [passphrase],
      );
    }
    case "env":
      return plan({ MESA_ORG: org, MESA_API_KEY: credential, MESA_NO_CONFIG_FILE: "1" }, "mesa mount -d -y");
    case "access-token":
    case "layout":
    case "private-key":
      return plan(
        { MESA_ORG: org, MESA_ACCESS_TOKEN: credential, MESA_NO_CONFIG_FILE: "1" },
        "mesa mount -d",
      );
  }
}
