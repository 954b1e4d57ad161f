import { statfs } from "node:fs/promises";
import type { CommandContext, CommandHandler } from "../command";
import { humanBytes } from "../../support/bytes";
import { Failure } from "../../support/errors";
import { EXIT_CODES } from "../../support/exit-codes";
import { look, type Finding } from "../doctor/finding";
import { paths } from "../../support/paths";

const LEAST_FREE_BYTES = 5_000_000_000;

async function findings(context: CommandContext): Promise<readonly Finding[]> {
  const { host, root } = context;
  const [
    { engineFindings },
    { findBl, inspectBl },
    { blaxelCredentials },
    { withBlSession },
    { mesaAccess },
    { mesaApi },
  ] = await Promise.all([
    import("../doctor/engine-findings"),
    import("../../blaxel/bl-program"),
    import("../../blaxel/credentials"),
    import("../../blaxel/run-bl"),
    import("../../mesa/access"),
    import("../../mesa/api"),
  ]);
  const found = await Promise.all([
    engineFindings(host),
    look("bl", async () => {
      const path = await findBl(host);
      const bl = await withBlSession(host, undefined, (session) => inspectBl(host, path, session));
      return `${path}, version ${bl.version}`;
    }),
    look("Blaxel credentials", async () => {
      const { workspace, source } = await blaxelCredentials(host);
      return `present (${source}), workspace ${workspace}`;
    }),
    look("Mesa credentials", async () => {
      const access = mesaAccess(host.env);
      if (access === undefined)
        throw new Failure({
          code: "NO_MESA_CREDENTIALS",
          kind: "environment",
          message: "not present: MESA_API_KEY and MESA_ORG are not both set",
          hint: "Set both: smoke then mounts for real, and sandbox run works.",
        });
      const { org, scopes } = await mesaApi(host, access).whoami();
      return `present, organization ${org}, scopes ${scopes.join(", ")}`;
    }),
    look("upstream", async () => {
      const { loadUpstream, availableVersions } = await import("../../lock/index");
      const upstream = await loadUpstream(context.upstream ?? paths(root).upstream);
      if (upstream.mesa.vouched === "first-download")
        return `first-download: ${upstream.mesa.repository} (has no index that is asked)`;
      const versions = await availableVersions(host, upstream, paths(root).cache);
      return `${upstream.mesa.repository}: ${versions?.join(", ") ?? "shows no index"}`;
    }),
    look("disk", async () => {
      const { bavail, bsize } = await statfs(root);
      const free = bavail * bsize;
      if (free < LEAST_FREE_BYTES)
        throw new Failure({
          code: "DISK",
          kind: "environment",
          message: `${humanBytes(free)} free at ${root}`,
          hint: "Builds need some gigabytes: mesa-template gc --yes removes old images.",
        });
      return `${humanBytes(free)} free at ${root}`;
    }),
  ]);
  return found.flat();
}

export const run: CommandHandler = async (_args, context) => {
  const found = (await findings(context)).map((finding) => ({
    ...finding,
    seen: context.host.redact(finding.seen),
  }));
  const bad = found.filter((finding) => !finding.ok);
  return {
    exitCode: bad.length === 0 ? EXIT_CODES.done : EXIT_CODES.environment,
    json: {
      ok: bad.length === 0,
      findings: found,
      ...(bad.length === 0
        ? {}
        : {
            error: {
              code: "DOCTOR",
              message: bad.map((finding) => finding.name).join(", "),
              hint: "Each line says what to do.",
              cause: null,
              log: [],
            },
          }),
    },
    text: found
      .map(
        (finding) =>
          `${finding.ok ? "ok  " : "MISS"} ${finding.name.padEnd(18)} ${finding.seen}\n${finding.todo === undefined ? "" : `     what to do: ${finding.todo}\n`}`,
      )
      .join(""),
  };
};
