import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootstrapSteps } from "../../src/sandbox/bootstrap";
import { parseLock } from "../../src/lock/index";
import type { Mirrors } from "./by-hand";
import { atLeast, sideBySide, timed, type Row } from "./measure";

const VERSION = "0.38.0";
const LABEL = "mesa-template.bench=mount";
const MOUNT = "mesa mount -d -y >/dev/null 2>&1; until grep -q '^mesafs ' /proc/mounts; do sleep 0.01; done";

const docker = (args: readonly string[], input?: string): string =>
  execFileSync("docker", [...args], { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] }).trim();

/** From the start of a container to its sandbox API answering, to whatever is prepared, to Mesa's file system mounted: one shell script. */
function startToMounted(image: string, prepare: string): () => number {
  const env = ["MESA_API_URL", "MESA_ORG", "MESA_API_KEY"].flatMap((name) => ["-e", name]);
  const fuse = "--device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined";
  const health = "until curl -fsS -o /dev/null http://$at/health 2>/dev/null; do sleep 0.01; done";
  const script = `set -e
id=$(docker run -d ${fuse} --label ${LABEL} -p 127.0.0.1::8080 ${env.join(" ")} ${image})
at=$(docker port "$id" 8080 | head -1)
${health}
docker exec -i "$id" sh -e >/dev/null`;
  return () => {
    const ms = timed("bash", ["-c", `${script} <<'STEPS'\n${prepare}\n${MOUNT}\nSTEPS`]);
    const left = docker(["ps", "-aq", "--filter", `label=${LABEL}`])
      .split("\n")
      .filter((id) => id !== "");
    docker(["rm", "-f", ...left]);
    return ms;
  };
}

/** What a stock image is: the base with the sandbox API, and nothing of Mesa. */
function stockImage(base: string, api: string): string {
  const tag = `mesa-template-bench/stock:${base.includes("alpine") ? "alpine" : "debian"}`;
  const dockerfile = `FROM ${api} AS api\nFROM ${base}\nCOPY --from=api /sandbox-api /usr/local/bin/sandbox-api\nENTRYPOINT ["/usr/local/bin/sandbox-api"]\n`;
  execFileSync("docker", ["build", "-q", "-t", tag, "-"], {
    input: dockerfile,
    env: { ...process.env, DOCKER_BUILDKIT: "0" },
    stdio: ["pipe", "ignore", "ignore"],
  });
  return tag;
}

export function rows({ images, packages }: Mirrors): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    timed(process.execPath, ["dist/mesa-template.js", "build", VERSION, "--root", root]);
    return ["debian", "alpine"].map((template) => {
      const file = join(root, "dockerfiles", template, VERSION, "lock.json");
      const lock = parseLock(readFileSync(file, "utf8"), file);
      const built =
        docker([
          "images",
          "--format",
          "{{.Repository}}:{{.Tag}}",
          "--filter",
          `label=mesa-template.version=${template}@${VERSION}`,
          `mesa-template/${template}`,
        ]).split("\n")[0] ?? "";
      const pinned = ({ repository, digest }: { repository: string; digest: string }): string =>
        `${images}${repository}@${digest}`;
      const install = bootstrapSteps(lock, packages)
        .map(({ done, script }) => `( ${done} || { ${script}; } ) >/dev/null 2>&1`)
        .join("\n");
      const [ours, theirs] = sideBySide(5, [
        startToMounted(built, ""),
        startToMounted(stockImage(pinned(lock.base), pinned(lock.sandboxApi)), install),
      ]) as [number, number];
      return {
        ...atLeast(`start → API answers → mounted, ${template}`, ours, theirs, 10, "installing when it runs"),
        ...(template === "alpine"
          ? {
              note: "the stand-in world's apk installs from this machine and is much faster: on Blaxel's stock image it fetches 6 packages",
            }
          : { note: "Mesa's .deb comes from this machine, Debian's packages from its mirror" }),
      };
    });
  } finally {
    execFileSync(
      "docker",
      ["rmi", "-f", "mesa-template-bench/stock:debian", "mesa-template-bench/stock:alpine"],
      { stdio: "ignore" },
    );
    rmSync(root, { recursive: true, force: true });
  }
}
