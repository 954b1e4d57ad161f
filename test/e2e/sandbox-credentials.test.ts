import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { releasedPlace, type SandboxPlace } from "./sandbox-place";
import { state } from "./world";

const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.43.0", "0.46.0"];
let place: SandboxPlace;

beforeAll(async () => {
  place = await releasedPlace(VERSIONS, ["debian"], ["0.43.0"]);
}, 1_200_000);
beforeEach(() => place.begin());
afterAll(() => {
  place.remove();
});

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

/** Names of running programs that have a text in their environment or arguments; the searching shell is none of them. */
const WHO_HAS = `n=$NEEDLE; unset NEEDLE
for p in /proc/[0-9]*; do
  [ "$p" = /proc/$$ ] && continue
  for f in environ cmdline; do grep -qF "$n" $p/$f 2>/dev/null && echo "$(cat $p/comm) $f"; done
done; true`;

/** Files that hold a text, those of the mount and of the kernel aside. */
const WHERE_IS = `n=$NEEDLE; unset NEEDLE; find / -xdev -type f -size -8M 2>/dev/null | grep -v '^/proc/\\|^/sys/' | while read -r f; do grep -lF "$n" "$f" 2>/dev/null; done; true`;

const TOKEN = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/u;

describe.each(VERSIONS)("Mesa %s shows no credential", (version) => {
  it("in ps, its output, its events, or the sandbox after the run", async () => {
    const events = join(place.root, `events-${version}.jsonl`);
    const ps: string[] = [];
    const ran = await place.run(
      version,
      ["sh", "-c", "sleep 1; env; ls -la; cat /proc/*/cmdline | tr '\\0' ' '"],
      ["--write", "--keep", "--events", events],
      { onStderr: () => ps.push(execFileSync("ps", ["axww", "-o", "args"], { encoding: "utf8" })) },
    );
    expect(ran.code, ran.stdout).toBe(0);
    const { name } = ran.json<{ readonly kept: { readonly name: string } }>().kept;
    const key = (await state()).keys.find((one) => one.name === name);
    expect(key?.key).toMatch(/^mesa_/u);
    const secrets = [key?.key ?? "-", process.env["MESA_API_KEY"] ?? "-", process.env["BL_API_KEY"] ?? "-"];
    const seen = {
      stdout: ran.stdout,
      stderr: ran.stderr,
      events: readFileSync(events, "utf8"),
      ps: ps.join("\n"),
      processes: await processesOf(name),
      environment: await outputOf(name, "env"),
    };
    expect(seen.events).toContain("mounting");
    expect(ps.length).toBeGreaterThan(0);
    for (const [where, text] of Object.entries(seen)) {
      for (const secret of secrets) expect(text.includes(secret), `${where} shows ${secret}`).toBe(false);
      expect(TOKEN.exec(text)?.[0], where).toBeUndefined();
    }
    for (const NEEDLE of [secrets[0] ?? "", "eyJhbGciOi"]) {
      expect(await outputOf(name, WHERE_IS, { NEEDLE }), "files").toBe("");
      // The mount itself lives on with --keep, and with it the daemon that was given the credential, and the helper it
      // started, which waits to take the mount away when the daemon dies.
      const holders = (await outputOf(name, WHO_HAS, { NEEDLE })).split("\n").filter((line) => line !== "");
      expect(holders.filter((line) => !/^(mesa|fusermount3) environ$/u.test(line))).toEqual([]);
    }
    const cleaned = await place.ask(["sandbox", "clean"]);
    expect(cleaned.stdout).toContain(`sandbox ${name} removed`);
    await place.expectClean();
  });
});
