import type { ProbeCheck } from "../check";
import { listeningPorts, TCP_TABLES } from "./listening-ports";
import { failed, PASSED, outputOf, whyNoFuse } from "./verdicts";

/** A probe with its own judge, or with the hint for a script that does not exit with 0. */
const probe = (
  name: string,
  script: string,
  judge: string | ProbeCheck["judge"],
  more: Pick<ProbeCheck, "skip" | "user" | "timeoutMs"> = {},
): ProbeCheck => ({
  needs: "shell",
  name,
  script,
  judge:
    typeof judge === "string"
      ? (result) => (result.exitCode === 0 ? PASSED : failed(outputOf(result), judge))
      : judge,
  ...more,
});

/** The FUSE probe without any program of its own. It closes the descriptor before it unmounts, or umount would wait forever. */
export const FUSE_PROBE = `m=$(mktemp -d) && exec 3<>/dev/fuse && { mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 probe "$m" 2>/dev/null || mount -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 probe "$m"; } && grep -q " $m fuse" /proc/mounts; c=$?; exec 3>&-; umount "$m" 2>/dev/null; rmdir "$m" 2>/dev/null; exit $c`;

/** Checks that are a line of shell. They detect the distribution from the image's content, not from the template's name. */
export const PROBES: readonly ProbeCheck[] = [
  probe("mesa is the pinned version", "(mesa --version || mesa version) 2>&1", (result, { rendered }) => {
    const found = /\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?/u.exec(result.stdout)?.[0];
    return found === rendered.mesaVersion
      ? PASSED
      : failed(
          outputOf(result),
          `${rendered.mesaVersion} is pinned; the image contains another version, or mesa does not start.`,
        );
  }),
  probe(
    "every shared library of mesa resolves",
    'if command -v apk >/dev/null; then apk info -e gcompat >/dev/null && ! apk info -e libc6-compat >/dev/null; else l=$(ldd "$(command -v mesa)") && echo "$l" && ! echo "$l" | grep -q "not found"; fi',
    "On Debian a library is missing (libfuse3.so.3 is bookworm's); on Alpine install gcompat, not libc6-compat, or Mesa's connections deadlock.",
  ),
  probe(
    "fusermount3 is setuid root",
    'p=$(command -v fusermount3) && p=$(readlink -f "$p") && ls -ln "$p" && [ -u "$p" ] && [ "$(stat -c %u "$p")" = 0 ]',
    "Without a setuid fusermount3 only root can mount, and auto_unmount does not work: install fuse3.",
  ),
  probe(
    "other users may mount (user_allow_other)",
    "grep -qx user_allow_other /etc/fuse.conf || { cat /etc/fuse.conf; exit 1; }",
    "Add the line user_allow_other to /etc/fuse.conf in the template.",
  ),
  probe(
    "a CA bundle exists",
    "test -s /etc/ssl/certs/ca-certificates.crt && grep -c BEGIN /etc/ssl/certs/ca-certificates.crt",
    "Without it every TLS connection of mesa fails: install ca-certificates.",
  ),
  probe(
    "the sandbox API's log folder is writable",
    "d=${SANDBOX_LOG_DIR:-/var/log/sandbox-api}; touch $d/.probe && rm $d/.probe",
    "Every command through the API would be refused: make /var/log/sandbox-api writable in the template.",
  ),
  probe(
    "HOME and the working folder exist",
    // Another check, on the image at rest, reports a missing HOME.
    'test -n "$HOME" && { [ ! -e "$HOME" ] || { [ -d "$HOME" ] && [ -w "$HOME" ]; }; } && pwd',
    "Set HOME and WORKDIR in the template to a folder that exists.",
    { skip: ({ notRoot }) => notRoot },
  ),
  probe(
    "no package manager of the build is left",
    'if command -v apk >/dev/null; then ! apk info -e dpkg >/dev/null && ! apk info -e curl >/dev/null; else left=$(ls /var/lib/apt/lists/*Packages* /var/cache/apt/archives/*.deb 2>/dev/null); echo "$left"; [ -z "$left" ]; fi',
    "The image contains package lists, dpkg or curl of the build: keep them in a separate stage.",
  ),
  probe(
    "the kernel allows a FUSE mount from inside",
    FUSE_PROBE,
    "The kernel refused: the container needs /dev/fuse and CAP_SYS_ADMIN, and no AppArmor profile that forbids mount.",
    { skip: whyNoFuse, timeoutMs: 10_000 },
  ),
  probe("nothing listens but 8080", TCP_TABLES, (result, { rendered }) => {
    const ports = listeningPorts(result.stdout).map(({ port }) => port);
    const declared = rendered.settings.sandbox.ports.map(({ target }) => target);
    const others = ports.filter((port) => port !== 8080 && !declared.includes(port));
    if (!ports.includes(8080))
      return failed(`listening: ${ports.join(", ") || "nothing"}`, "The sandbox API must listen on 8080.");
    return others.length === 0
      ? PASSED
      : failed(
          `listening: ${others.join(", ")}`,
          "Something in the image starts another server. Declare an intended one in template.toml under [[sandbox.ports]].",
        );
  }),
  probe(
    "another user can run commands",
    'test "$(id -u)" != 0 && (mesa --version || mesa version) >/dev/null 2>&1 && touch /tmp/.probe-$$ && rm /tmp/.probe-$$',
    "A non-root workload cannot start mesa or write to /tmp.",
    { user: "nobody" },
  ),
  probe(
    "/dev/fuse is open to other users",
    "test -r /dev/fuse && test -w /dev/fuse || { ls -l /dev/fuse; exit 1; }",
    "The entrypoint must make /dev/fuse accessible when it starts: engines create it with the container, often for root only.",
    { user: "nobody", skip: whyNoFuse },
  ),
];
