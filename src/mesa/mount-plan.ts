import { createHash } from "node:crypto";
import type { MesaAccess } from "./access";
import { generationOf } from "./generation";
import { usesLayout, type RepoMount } from "./mounts";

/** A mount's paths, and how to make it. */
export interface MountPlan {
  /** The mounted folder. */
  readonly mountPoint: string;
  /** Paths of the repositories by "org/repo". */
  readonly paths: Readonly<Record<string, string>>;
  /** Environment of the mount command; contains the credential. */
  readonly env: Readonly<Record<string, string>>;
  /** Shell script that mounts. Contains no credential; reads it from the environment. */
  readonly script: string;
  /** Files with credentials that the CLI or the script leaves behind; removed after the mount. */
  readonly leftovers: readonly string[];
  readonly logFile: string;
  /** Secret values in `env`: the credential and values derived from it. */
  readonly secrets: readonly string[];
}

export interface MountRequest {
  readonly version: string;
  readonly access: Pick<MesaAccess, "org" | "apiUrl">;
  /** From placeMounts. */
  readonly mounts: readonly RepoMount[];
  /** The sandbox's own API key or token, depending on the generation. */
  readonly credential: string;
  /** A separate folder for all files of this mount. */
  readonly base: string;
}

/** The CLI's variables for an API other than Mesa's own: its service domain, and the address itself. */
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

/** How a version of the CLI mounts. The differences between generations (see GENERATIONS) are here and nowhere else. */
export function mountPlan({ version, access, mounts, credential, base }: MountRequest): MountPlan {
  const { org } = access;
  const generation = generationOf(version);
  const mountPoint = `${base}/mnt`;
  const home = `${base}/home`;
  const logFile = `${base}/mesa.log`;
  const common = {
    ...serviceVariables(access.apiUrl),
    HOME: home,
    MESA_MOUNT_POINT: mountPoint,
    MESA_RUNTIME_DIR: `${base}/run`,
    MESA_DAEMON_LOG_FILE: logFile,
  };
  // Files that an earlier daemon left would be mistaken for a running daemon and its log.
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
      // The vault lives as long as the mount. Nobody has to remember its passphrase, which does not reveal the key.
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
