import { createHash } from "node:crypto";
import { Mesa } from "@mesadev/sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parsePrivateKey } from "../../../src/mesa/private-key";
import { signToken } from "../../../src/mesa/token";
import { ORGANIZATIONS } from "../../world/mesa/state";
import { repositoryUrl, startMesaContainer, type MesaContainer, type Said } from "./mesa-container";
import { fault, faultsOff, resetWorld, state } from "../world";

const VERSIONS = ["0.15.0", "0.20.0", "0.26.0", "0.38.0", "0.46.0", "0.49.1"];
const KEYRING = "/etc/apt/keyrings/mesa.asc";
const UPDATE =
  "apt-get update -q -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/mesa.list -o Dir::Etc::sourceparts=-";

let box: MesaContainer;

beforeAll(async () => {
  await resetWorld();
  box = await startMesaContainer();
  const url = repositoryUrl();
  const prepared = await box.run(
    `set -e; rm -f /etc/apt/apt.conf.d/docker-clean; mkdir -p /etc/apt/keyrings; apt-get update -q
     DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends curl fuse3 git gpgv
     curl -fsS ${url.replace(/\/any$/u, "")}/gpgkey -o ${KEYRING}
     printf 'deb [signed-by=%s] %s/ any main\\n' ${KEYRING} ${url} > /etc/apt/sources.list.d/mesa.list
     useradd -m worker; chmod 666 /dev/fuse`,
  );
  if (prepared.code !== 0) throw new Error(prepared.out);
});
afterAll(() => box.remove());
afterEach(faultsOff);

describe("the package repository, for the real apt", () => {
  it("is taken by apt, which installs the version asked for with what it depends on", async () => {
    const ran = await box.run(
      `set -e; apt-get update -q; apt-cache madison mesa; DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends mesa=0.20.0
       mesa --version; mesa version; cat /usr/share/mesa/api-url; dpkg -s libfuse3-3 libssl3 fuse3 >/dev/null`,
    );
    expect(ran.code, ran.out).toBe(0);
    for (const version of [...VERSIONS, "0.47.0-rc.1"]) expect(ran.out).toContain(` ${version} | `);
    expect(ran.out).toMatch(/mesa 0\.20\.0\nmesa 0\.20\.0\nhttp:\/\//u);
  });

  it("has a program of every version that reports it", async () => {
    const ran = await box.run(
      `set -e; cd /tmp; for v in ${VERSIONS.join(" ")}; do apt-get download -q mesa=$v; dpkg-deb -x mesa_$v*.deb /opt/$v; /opt/$v/usr/bin/mesa --version; done`,
    );
    expect(ran.code, ran.out).toBe(0);
    for (const version of VERSIONS) expect(ran.out).toContain(`mesa ${version}\n`);
  });

  it.each([
    ["apt-unsigned", /is not signed|no longer signed/u],
    ["apt-wrong-key", /NO_PUBKEY|is not signed/u],
    ["apt-expired-key", /EXPKEYSIG|not signed/u],
    ["apt-expired-index", /is expired|invalid since/u],
    ["apt-index-hash", /Hash Sum mismatch|unexpected size|Mirror sync/u],
    ["apt-down", /Failed to fetch|Connection failed|reset by peer|remote end closed/iu],
  ])("%s is refused by apt too", async (name, words) => {
    await fault(name);
    const ran = await box.run(
      `rm -rf /var/lib/apt/lists/*mesa*; ${UPDATE} -o Acquire::Retries=0 -o APT::Update::Error-Mode=any`,
    );
    expect(ran.code, ran.out).not.toBe(0);
    expect(ran.out).toMatch(words);
  });

  it("adds and takes away versions, and is as before after a reset", async () => {
    const wish = async (body: unknown): Promise<number> => {
      const to = `${process.env["MESA_TEMPLATE_WORLD"] ?? ""}/wishes`;
      return (await fetch(to, { method: "POST", body: JSON.stringify(body) })).status;
    };
    const versions = async (): Promise<string[]> => {
      const { out } = await box.run(
        `${UPDATE} >/dev/null; apt-cache madison mesa | cut -d'|' -f2 | tr -d ' ' | sort -V`,
      );
      return out.trim().split("\n");
    };
    const before = await versions();
    expect(await wish({ addVersion: "0.48.0" })).toBe(200);
    expect(await wish({ removeVersion: "0.20.0" })).toBe(200);
    expect(await versions()).toEqual([
      ...before.filter((version) => version !== "0.20.0" && version !== "0.49.1"),
      "0.48.0",
      "0.49.1",
    ]);
    const ran = await box.run(
      "cd /tmp; apt-get download -q mesa=0.48.0 && dpkg-deb -x mesa_0.48.0*.deb /opt/new && /opt/new/usr/bin/mesa --version",
    );
    expect(ran.out).toContain("mesa 0.48.0\n");
    expect(await wish({ addVersion: "0.48.0; true" })).toBe(500);
    await resetWorld();
    expect(await versions()).toEqual(before);
  });
});

describe("the stand-in mesa", () => {
  const ADMIN = process.env["MESA_API_KEY"] ?? "";
  const sdk = new Mesa({ apiKey: ADMIN, apiUrl: `${process.env["MESA_API_URL"] ?? ""}/v1`, org: "acme" });
  const MNT = "/root/.local/share/mesa/mnt";
  const LOG = "/tmp/mesa.log";
  let key = { id: "", key: "" };

  const mesa = (version: string, args: string): string => `/opt/${version}/usr/bin/mesa ${args}`;
  const untilMounted = (path = MNT): string =>
    `for i in $(seq 100); do grep -q " ${path} fuse" /proc/mounts && break; sleep 0.05; done; grep -q " ${path} fuse" /proc/mounts`;
  const run = (script: string, env: Readonly<Record<string, string>> = {}, user = "root"): Promise<Said> =>
    box.run(script, { env: { MESA_DAEMON_LOG_FILE: LOG, ...env }, user });
  const passed = async (
    script: string,
    env: Readonly<Record<string, string>> = {},
    user = "root",
  ): Promise<string> => {
    const said = await run(`set -e; ${script}`, env, user);
    const log = said.code === 0 ? "" : (await box.run(`cat ${LOG}`)).out;
    expect(said.code, `${said.out}\n--- log\n${log}`).toBe(0);
    return said.out;
  };
  const read = async (path: string, repo = "demo"): Promise<string> => {
    const file = (await sdk.content.get({ repo, path })) as unknown as { readonly content: string };
    return Buffer.from(file.content, "base64").toString("utf8");
  };
  const ENV = (): Record<string, string> => ({ MESA_ORG: "acme", MESA_API_KEY: key.key });

  beforeEach(async () => {
    await resetWorld();
    key = await sdk.apiKeys.create({ name: "test", scopes: ["read", "write"], expires_in_seconds: 600 });
  });
  afterEach(async () => {
    await box.run(
      `for m in $(grep "^mesafs " /proc/mounts | cut -d' ' -f2); do fusermount3 -u $m || umount -l $m; done; sleep 0.1
       rm -rf ${LOG} /root/.config/mesa /root/.local/share/mesa /etc/mesa /home/worker/.local /home/worker/.config /tmp/mnt`,
    );
  });

  describe("each generation takes its credential and leaves what it leaves", () => {
    const proof = (path = `${MNT}/acme/demo`): string =>
      `${untilMounted()}; cat ${path}/README.md; mkdir -p ${path}/src; echo hello > ${path}/src/a.txt; cat ${path}/src/a.txt`;
    const found = async (): Promise<string> =>
      (await box.run(`grep -rlF ${key.key} /root /etc /home /tmp 2>/dev/null | sort`)).out.trim();

    it("0.15.0: a config file", async () => {
      await passed(
        `mkdir -p /etc/mesa; printf '[organizations.acme]\\napi-key = "%s"\\n' "$KEY" > /etc/mesa/config.toml; ${mesa("0.15.0", "-c /etc/mesa/config.toml mount --daemonize")}; ${proof()}`,
        { KEY: key.key },
      );
      expect(await read("src/a.txt")).toBe("hello\n");
    });

    it("0.15.0 knows neither MESA_ORGS nor an environment", async () => {
      const said = await run(mesa("0.15.0", "mount -d"), { ...ENV(), MESA_ORGS: `acme:${key.key}` });
      expect(said).toEqual({
        code: 1,
        out: "Failed to load configuration: Failed to onboard: Terminal is not interactive\n",
      });
    });

    it("0.20.0: MESA_ORGS, which is written down in plain text", async () => {
      await passed(`${mesa("0.20.0", "mount -d -y")}; ${proof()}`, { MESA_ORGS: `acme:${key.key}` });
      expect(await read("src/a.txt")).toBe("hello\n");
      expect(await found()).toBe("/root/.config/mesa/config.toml");
      await passed(`fusermount3 -u ${MNT}; ${mesa("0.20.0", "mount -d")}; ${untilMounted()}`);
    });

    it("0.20.0 wants a terminal when it has no config and no -y", async () => {
      const said = await run(mesa("0.20.0", "mount -d"), { MESA_ORGS: `acme:${key.key}` });
      expect(said).toEqual({
        code: 1,
        out: "Failed to load configuration: Failed to onboard: Terminal is not interactive\n",
      });
    });

    it("0.26.0: a secret store that wants a passphrase, and holds no readable key", async () => {
      const without = await run(mesa("0.26.0", "mount -d -y"), { MESA_ORGS: `acme:${key.key}` });
      expect(without.code).toBe(1);
      expect(without.out).toContain("MESA_VAULT_PASSPHRASE");
      const env = { MESA_VAULT_PASSPHRASE: "correct horse" };
      await passed(`${mesa("0.26.0", "mount --daemonize -y")}; ${proof()}`, {
        ...env,
        MESA_ORGS: `acme:${key.key}`,
      });
      expect(await read("src/a.txt")).toBe("hello\n");
      expect(await found()).toBe("");
      expect(await passed(mesa("0.26.0", "repo list"), env)).toBe("acme/demo\n");
      const wrong = await run(mesa("0.26.0", "repo list"), { MESA_VAULT_PASSPHRASE: "wrong" });
      expect([wrong.code, wrong.out]).toEqual([
        1,
        "Error: failed to open the secret store: wrong passphrase\n",
      ]);
    });

    it("0.26.0: a plain store by configuration, filled by auth set-key", async () => {
      await passed(
        `mkdir -p /etc/mesa; printf '[secrets]\\nbackend = "plaintext-file"\\n\\n[organizations.acme]\\n' > /etc/mesa/config.toml`,
      );
      const empty = await run(mesa("0.26.0", "mount -d"));
      expect(empty).toEqual({
        code: 1,
        out: "Error: no api key found in the secret store for organization 'acme'\n",
      });
      await passed(
        `echo $KEY | ${mesa("0.26.0", "auth set-key --org acme")}; ${mesa("0.26.0", "mount -d")}; ${proof()}`,
        { KEY: key.key },
      );
      expect(await found()).toBe("/root/.local/share/mesa/secrets.plaintext.toml");
    });

    it("0.38.0: the environment, and no key on disk", async () => {
      await passed(`${mesa("0.38.0", "mount -d -y")}; ${proof()}`, ENV());
      expect(await read("src/a.txt")).toBe("hello\n");
      expect(await found()).toBe("");
      expect((await box.run("cat /root/.config/mesa/config.toml")).out).toBe("[organizations.acme]\n");
      const none = await run(mesa("0.38.0", "mount -d"), {
        MESA_ORGS: `acme:${key.key}`,
        MESA_ACCESS_TOKEN: key.key,
      });
      expect([none.code, none.out]).toEqual([
        1,
        "Error: missing required configuration: MESA_API_KEY and MESA_ORG must be set\n",
      ]);
    });

    it("0.38.0 writes no config file when told", async () => {
      await passed(`${mesa("0.38.0", "mount -d -y")}; ${untilMounted()}; test ! -e /root/.config/mesa`, {
        ...ENV(),
        MESA_NO_CONFIG_FILE: "1",
      });
    });

    const signed = (claims: object): string =>
      signToken(parsePrivateKey(ORGANIZATIONS["acme"]?.privateKey ?? ""), claims, {
        seconds: 600,
        nowMs: Date.now(),
      });
    const authors = [{ name: "test", email: null }];

    it("0.46.0: a token from a private key names its organization itself; API keys still work", async () => {
      await passed(`${mesa("0.46.0", "mount -d")}; ${proof()}; fusermount3 -u ${MNT}`, {
        MESA_ACCESS_TOKEN: signed({ authors, scopes: ["read", "write"], repos: ["acme/demo"] }),
      });
      expect(await read("src/a.txt")).toBe("hello\n");
      await passed(`${mesa("0.46.0", "mount -d")}; ${proof()}`, ENV());
    });

    it("0.49.1: a token with access, by a layout; no API keys", async () => {
      const layout = {
        "/acme/demo": { kind: "repo", mode: "rw", name: "demo" },
        "/acme/notes": { kind: "repo", mode: "ro", name: "notes" },
        "/deep/er/papers": { kind: "repo", mode: "ro", name: "papers" },
      };
      await sdk.repos.create({ name: "notes" });
      await sdk.repos.create({ name: "papers" });
      const access = { demo: "write-repo", notes: "read-repo", papers: "read-repo" } as const;
      const env = {
        MESA_ACCESS_TOKEN: signed({ authors, access }),
        LAYOUT: JSON.stringify(layout),
      };
      const said = await passed(
        `echo "$LAYOUT" > /tmp/layout.json; ${mesa("0.49.1", "mount -d --layout /tmp/layout.json")}; ${proof()}; ls ${MNT} ${MNT}/acme ${MNT}/deep`,
        env,
      );
      expect(said).toMatch(/:\nacme\ndeep\n\n.*acme:\ndemo\nnotes\n\n.*deep:\ner\n$/su);
      expect(await read("src/a.txt")).toBe("hello\n");
      const none = await run(mesa("0.49.1", "mount -d"), ENV());
      expect([none.code, none.out]).toEqual([1, "Error: missing credentials: set MESA_ACCESS_TOKEN\n"]);
    });

    it("0.46.0: a layout shows paths instead of organizations", async () => {
      const layout = {
        "/workspace": { kind: "repo", mode: "rw", name: "demo" },
        "/notes": { kind: "repo", mode: "ro", name: "notes" },
      };
      await sdk.repos.create({ name: "notes" });
      await passed(
        `echo "$LAYOUT" > /tmp/layout.json; ${mesa("0.46.0", "mount -d --layout /tmp/layout.json")}; ${proof(`${MNT}/workspace`)}; test ! -e ${MNT}/acme`,
        { ...ENV(), LAYOUT: JSON.stringify(layout) },
      );
      expect(await read("src/a.txt")).toBe("hello\n");
      expect((await run(`touch ${MNT}/notes/x`)).out).toContain("Read-only file system");
      const early = await run(mesa("0.38.0", "mount -d --layout /tmp/layout.json"), ENV());
      expect(early.code).toBe(2);
      expect(early.out).toContain("unexpected argument '--layout'");
    });
  });

  describe("as a file system", () => {
    const AT = `${MNT}/acme/demo`;
    const mount = (env: Readonly<Record<string, string>> = {}): Promise<string> =>
      passed(`${mesa("0.38.0", "mount -d -y")}; ${untilMounted()}`, { ...ENV(), ...env });

    it("writes, appends, cuts, renames and removes files and folders", async () => {
      await mount();
      await passed(
        `cd ${AT}; printf 12345 > a; printf 678 >> a; truncate -s 4 a; cp a b; mv b sub.txt; mkdir -p x/y; mv sub.txt x/y/c; mv x z; rm README.md; chmod 700 z/y/c; touch z/y/c; df . >/dev/null
         test "$(cat z/y/c)" = 1234; test "$(stat -c %s z/y/c)" = 4; test ! -e x; rm a`,
      );
      expect((await state()).repos.find((repo) => repo.name === "demo")?.files).toEqual({ "z/y/c": "1234" });
    });

    it("keeps large and binary contents", async () => {
      await mount();
      const sum = await passed(
        `cd ${AT}; head -c 3000000 /dev/urandom > big.bin; sha256sum < big.bin | cut -d' ' -f1`,
      );
      const file = (await sdk.content.get({ repo: "demo", path: "big.bin" })) as unknown as {
        readonly content: string;
      };
      expect(createHash("sha256").update(Buffer.from(file.content, "base64")).digest("hex")).toBe(sum.trim());
      expect(
        await passed(
          `fusermount3 -u ${MNT}; ${mesa("0.38.0", "mount -d -y")}; ${untilMounted()}; sha256sum < ${AT}/big.bin | cut -d' ' -f1`,
          ENV(),
        ),
      ).toBe(sum);
    });

    it("shows what others change, within two seconds", async () => {
      await mount();
      expect(await passed(`cat ${AT}/README.md`)).toBe("# demo\n");
      const { head_change_id } = await sdk.repos.get({ repo: "demo" });
      await sdk.changes.create({
        repo: "demo",
        base_change_id: head_change_id,
        message: "elsewhere",
        author: { name: "A", email: "a@example.invalid" },
        files: [
          { path: "README.md", content: Buffer.from("# new!\n").toString("base64") },
          { path: "more/b.txt", content: Buffer.from("b").toString("base64") },
        ],
      });
      expect(await passed(`sleep 2.2; cat ${AT}/README.md; ls ${AT}/more`)).toBe("# new!\nb.txt\n");
    });

    it("never uploads editors' swap files, and flushes open files on SIGTERM", async () => {
      await mount({ MESA_RUNTIME_DIR: "/tmp/run" });
      await passed(
        `cd ${AT}; echo swap > .notes.txt.swp; cat .notes.txt.swp; exec 7> open.txt; echo unflushed >&7; kill $(cat /tmp/run/mesa.pid); cd /
         for i in $(seq 100); do grep -q ${MNT} /proc/mounts || [ -e /tmp/run/mesa.pid ] || break; sleep 0.05; done; ! grep -q ${MNT} /proc/mounts; test ! -e /tmp/run/mesa.pid`,
      );
      const files = (await state()).repos.find((repo) => repo.name === "demo")?.files;
      expect(Object.keys(files ?? {}).sort()).toEqual(["README.md", "open.txt"]);
      expect(files?.["open.txt"]).toBe("unflushed\n");
    });

    it("bears git: a repository with 300 files is committed and cloned in it", async () => {
      await mount();
      const out = await passed(
        `cd ${AT}; export HOME=/root; git config --global user.email a@example.invalid; git config --global user.name A; git config --global init.defaultBranch main
         git init -q work; cd work; for i in $(seq 300); do echo $i > f$i; done; git add .; git commit -qm all; git fsck 2>&1; cd ..; git clone -q work copy; ls copy | wc -l; git -C copy status --porcelain`,
      );
      expect(out.trim()).toMatch(/^300$/mu);
    });

    it("is mounted by another user too, when fuse.conf lets them, and belongs to them", async () => {
      const env = { ...ENV(), HOME: "/home/worker", MESA_DAEMON_LOG_FILE: "/tmp/worker.log" };
      const at = "/home/worker/.local/share/mesa/mnt";
      await box.run("sed -i '/^user_allow_other/d' /etc/fuse.conf");
      const refused = await box.run(mesa("0.38.0", "mount -y"), { env, user: "worker" });
      expect(refused.code).not.toBe(0);
      expect(refused.out).toContain(
        "option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
      );
      await box.run("echo user_allow_other >> /etc/fuse.conf");
      const out = await passed(
        `${mesa("0.38.0", "mount -d -y")}; ${untilMounted(at)}; echo mine > ${at}/acme/demo/w.txt; stat -c %U ${at}/acme/demo/w.txt`,
        env,
        "worker",
      );
      expect(out).toBe("worker\n");
      expect(await read("w.txt")).toBe("mine\n");
    });

    it("refuses a mount path that is in use, and falls back without HOME", async () => {
      const said = await run(`mkdir -p /tmp/mnt; echo x > /tmp/mnt/x; ${mesa("0.38.0", "mount -d -y")}`, {
        ...ENV(),
        MESA_MOUNT_POINT: "/tmp/mnt",
      });
      expect([said.code, said.out]).toEqual([1, "Mount point '/tmp/mnt' already exists and is not empty.\n"]);
      await passed(`env -u HOME ${mesa("0.38.0", "mount -d -y")}; ${untilMounted("/tmp/mesa/mnt")}`, ENV());
    });

    it("tells whether it runs", async () => {
      expect(await run(mesa("0.38.0", "stats"))).toEqual({
        code: 1,
        out: "Error: no running mesa daemon found\n",
      });
      await mount();
      expect(await passed(`${mesa("0.38.0", "stats")}; cd ${AT}; ${mesa("0.38.0", "edit main")}`)).toMatch(
        /^pid: \d+\nversion: 0\.38\.0\n$/u,
      );
      expect((await run(mesa("0.38.0", "stats --pid 1 --pid-file x"))).code).toBe(2);
      expect((await run(mesa("0.38.0", "unmount"))).out).toContain("unrecognized subcommand 'unmount'");
    });
  });

  describe("when something is wrong", () => {
    const AT = `${MNT}/acme/demo`;
    const start = (env: Readonly<Record<string, string>> = {}): Promise<Said> =>
      run(mesa("0.38.0", "mount -d -y"), { ...ENV(), ...env });
    const log = async (): Promise<string> => (await box.run(`cat ${LOG}`)).out;

    it("returns before the mount is there", async () => {
      const said = await run(
        `${mesa("0.38.0", "mount -d -y")}; grep -c "^mesafs " /proc/mounts; ${untilMounted()} && echo later`,
        ENV(),
      );
      expect(said.out).toBe("0\nlater\n");
    });

    it.each([
      ["mesa-api-down", "error sending request for url (http"],
      [
        "mesa-grpc-down",
        "resolve_rev on Bookmark(\"main\") in acme/demo: code: 'The service is currently unavailable'",
      ],
      ["mesa-unauthorized", "get_repo on acme/demo: http 401"],
      ["mesa-scope", "lacks the scope"],
      ["mesa-repo-missing", "repo 'acme/demo' not found"],
    ])(
      "%s: the root is there all the same, the repository is not, and the log says why",
      async (name, words) => {
        await start();
        await run(untilMounted());
        await fault(name);
        expect(await passed(`ls ${MNT}`)).toBe("acme\n");
        expect((await run(`ls ${AT}`)).code).not.toBe(0);
        expect(await log()).toContain(words);
      },
    );

    it("shows an organization's list only from REST", async () => {
      await start();
      await run(untilMounted());
      expect(await passed(`ls ${MNT}/acme`)).toBe("demo\n");
      await fault("mesa-unauthorized");
      expect((await run(`ls ${MNT}/acme`)).code).not.toBe(0);
      expect(await log()).toContain("list_repos on acme: http 401: {");
    });

    it("notices that its key was revoked", async () => {
      await start();
      await passed(`${untilMounted()}; cat ${AT}/README.md`);
      await sdk.apiKeys.revoke({ id: key.id });
      expect((await run(`sleep 1.2; echo x > ${AT}/new.txt`)).code).not.toBe(0);
      expect(await log()).toContain("does not have valid authentication credentials");
    });

    it("cannot write with a key that may only read", async () => {
      const readOnly = await sdk.apiKeys.create({ name: "r", scopes: ["read"], expires_in_seconds: 600 });
      await start({ MESA_API_KEY: readOnly.key });
      expect((await run(`${untilMounted()}; cat ${AT}/README.md; cp ${AT}/README.md ${AT}/x`)).out).toMatch(
        /# demo[\s\S]*Permission denied/u,
      );
      expect(await log()).toContain("apply_ops on acme/demo");
    });

    it("hangs under libc6-compat, except for its version", async () => {
      const said = await run(
        `touch /lib/libc6-compat.standin; ${mesa("0.38.0", "--version")}; timeout 2 ${mesa("0.38.0", "mount -d -y")}; echo $?; timeout 2 ${mesa("0.38.0", "repo list")}; echo $?; rm /lib/libc6-compat.standin`,
        ENV(),
      );
      expect(said.out).toBe("mesa 0.38.0\n124\n124\n");
    });
  });
});
