import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { releasedPlace, type Answer, type SandboxPlace } from "./sandbox-place";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { state } from "../world";

const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.43.0", "0.46.0", "0.49.1"];
/** How a credential gets into the mount differs by Mesa's version; the oldest, the newest and one between show that a musl system has no part in it. */
const ON_ALPINE = ["0.15.0", "0.38.0", "0.49.1"];
const CASES = [
  ...VERSIONS.filter((version) => version !== "0.49.1").map((version) => [version, "an API key"] as const),
  ["0.46.0", "a private key"],
  ["0.49.1", "a private key"],
] as const;
const PRIVATE_KEY = ORGANIZATIONS["acme"]?.privateKey ?? "";
/** The private key whole, its body, and the 32 bytes that it is, as texts have them. */
const PRIVATE_FORMS = ((): readonly string[] => {
  const body = PRIVATE_KEY.slice("mesa_private_key_acme_".length);
  const der = Buffer.from(body, "base64url");
  const seed = der.subarray(-32);
  const encodings = ["base64url", "base64", "hex"] as const;
  return [PRIVATE_KEY, body, ...encodings.flatMap((as) => [der.toString(as), seed.toString(as)])];
})();
let place: SandboxPlace;

beforeAll(async () => {
  process.env["MESA_PRIVATE_KEY"] = PRIVATE_KEY;
  place = await releasedPlace(VERSIONS, ON_ALPINE);
}, 1_200_000);
beforeEach(() => place.begin());

/** Asks a sandbox's own API, through the edge. */
async function askSandbox(name: string, path: string, body?: unknown): Promise<string> {
  const answer = await fetch(`${process.env["BL_API_URL"] ?? ""}/sbx/${name}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      "X-Blaxel-Authorization": `Bearer ${process.env["BL_API_KEY"] ?? ""}`,
      "X-Blaxel-Workspace": process.env["BL_WORKSPACE"] ?? "",
      "Content-Type": "application/json",
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.text();
}

async function outputOf(name: string, command: string, env: Record<string, string> = {}): Promise<string> {
  const text = await askSandbox(name, "/process", { command, env, waitForCompletion: true });
  return (JSON.parse(text) as { readonly logs: string }).logs.trim();
}

/** What the sandbox's API tells of every process there was: the list, each one's entry and its logs. */
async function processesOf(name: string): Promise<string> {
  const list = await askSandbox(name, "/process");
  const all = JSON.parse(list) as readonly { readonly pid: string }[];
  expect(all.length).toBeGreaterThan(2);
  const each = await Promise.all(
    all.flatMap(({ pid }) => [askSandbox(name, `/process/${pid}`), askSandbox(name, `/process/${pid}/logs`)]),
  );
  return [list, ...each].join("\n");
}

/** Names of running programs that have one of some texts (a line each) in their environment or arguments, the searching shell aside. */
const WHO_HAS = `n=$NEEDLE; unset NEEDLE
for p in /proc/[0-9]*; do
  [ "$p" = /proc/$$ ] && continue
  for f in environ cmdline; do grep -qF "$n" $p/$f 2>/dev/null && echo "$(cat $p/comm) $f"; done
done; true`;

/** Files that hold one of some texts (a line each), those of the mount and of the kernel aside. */
const WHERE_IS = `n=$NEEDLE; unset NEEDLE; find / -xdev -type f -size -8M -not -path '/proc/*' -not -path '/sys/*' -print0 2>/dev/null | xargs -0 grep -lF "$n" 2>/dev/null; true`;

const TOKEN = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/u;

describe.each(CASES)("Mesa %s with %s", (version, kind) => {
  /** Without the other credential. */
  const env =
    kind === "a private key"
      ? { MESA_API_KEY: undefined, MESA_ORG: undefined }
      : { MESA_PRIVATE_KEY: undefined };
  const written = async (file: string): Promise<string | undefined> =>
    (await state()).repos.find(({ name }) => name === "demo")?.files[file];

  it.runIf(ON_ALPINE.includes(version))(
    "on Alpine: what the command writes is seen by an independent read",
    async () => {
      const file = `alpine-${version}-${kind.replaceAll(" ", "-")}.txt`;
      const which = ["--template", "alpine", "--repo", "acme/demo", "--write", "--json"];
      const script = `echo ${version} > ${file} && cat ${file} && echo err >&2`;
      const ran = await place.ask(["sandbox", "run", version, ...which, "--", "sh", "-c", script], { env });
      const { stdout, stderr, leftovers } = ran.json<Answer>();
      expect([ran.code, stdout, stderr, leftovers], ran.stderr).toEqual([0, `${version}\n`, "err\n", []]);
      expect(await written(file)).toBe(`${version}\n`);
      await place.expectClean();
    },
  );

  it("on Debian: the same, and no credential in ps, its output, its events, or the sandbox after the run", async () => {
    const events = join(place.root, `events-${version}-${kind}.jsonl`);
    const file = `debian-${version}-${kind.replaceAll(" ", "-")}.txt`;
    const ps: string[] = [];
    const ran = await place.run(
      version,
      ["sh", "-c", `sleep 1; env; ls -la; echo ${version} > ${file}; cat /proc/*/cmdline | tr '\\0' ' '`],
      ["--write", "--keep", "--events", events],
      { env, onStderr: () => ps.push(execFileSync("ps", ["axww", "-o", "args"], { encoding: "utf8" })) },
    );
    expect([ran.code, await written(file)], ran.stdout).toEqual([0, `${version}\n`]);
    const { name } = ran.json<{ readonly kept: { readonly name: string } }>().kept;
    const key = (await state()).keys.find((one) => one.name === name);
    // A token that a private key signs is known to nobody else: it is found by its shape.
    if (kind === "a private key") expect(key).toBeUndefined();
    else expect(key?.key).toMatch(/^mesa_/u);
    const secrets = [
      ...(key === undefined ? PRIVATE_FORMS : [key.key]),
      process.env["MESA_API_KEY"] ?? "-",
      process.env["BL_API_KEY"] ?? "-",
    ];
    const seen = {
      stdout: ran.stdout,
      stderr: ran.stderr,
      events: readFileSync(events, "utf8"),
      ps: ps.join("\n"),
      processes: await processesOf(name),
      environment: await outputOf(name, "env"),
      manifest: readFileSync(join(place.root, "dockerfiles/manifest.json"), "utf8"),
    };
    expect(seen.events).toContain("mounting");
    expect(ps.length).toBeGreaterThan(0);
    for (const [where, text] of Object.entries(seen)) {
      for (const secret of secrets) expect(text.includes(secret), `${where} shows ${secret}`).toBe(false);
      expect(TOKEN.exec(text)?.[0], where).toBeUndefined();
    }
    const NEEDLE = [...(key === undefined ? PRIVATE_FORMS : [key.key]), "eyJhbGciOi"].join("\n");
    expect(await outputOf(name, WHERE_IS, { NEEDLE }), "files").toBe("");
    // The mount itself lives on with --keep, and with it the daemon that was given the credential, and the helper it
    // started, which waits to take the mount away when the daemon dies.
    const holders = (await outputOf(name, WHO_HAS, { NEEDLE })).split("\n").filter((line) => line !== "");
    expect(holders.filter((line) => !/^(mesa|fusermount3) environ$/u.test(line))).toEqual([]);
    // The search itself finds what is there: a daemon that takes its credential from the environment, and any file.
    if (version !== "0.15.0") expect(holders).toContain("mesa environ");
    expect(await outputOf(name, WHERE_IS, { NEEDLE: "no such text\nroot:x:0:0" })).toContain("/etc/passwd");
    const cleaned = await place.ask(["sandbox", "clean"]);
    expect(cleaned.stdout).toContain(`sandbox ${name} removed`);
    await place.expectClean();
  });
});
