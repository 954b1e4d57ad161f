import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { differences, textOf, writeRendered } from "../../../src/render/index";
import { failure, ownRoot, rendered } from "./fixture/own-root";

const BYTES = Buffer.from([0, 255, 10, 13, 0xc3]);

let root = "";
beforeEach(() => {
  root = ownRoot();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const template = (path: string): string => join(root, "templates/debian", path);
function put(path: string, contents: string | Buffer = "text\n", mode = 0o644): void {
  mkdirSync(dirname(template(path)), { recursive: true });
  writeFileSync(template(path), contents, { mode });
  chmodSync(template(path), mode);
}

describe("what files/ contains", () => {
  it("is copied unchanged: any bytes, sub-folders, the executable bit", async () => {
    put("files/agent/bin/run", BYTES, 0o755);
    put("files/data.bin", BYTES, 0o664);
    const { files } = await rendered(root);
    expect(
      files.filter(({ contents }) => contents.equals(BYTES)).map(({ name, mode }) => [name, mode]),
    ).toEqual([
      ["agent/bin/run", 0o755],
      ["data.bin", 0o644],
    ]);
  });

  it("is refused above 2 GiB, with its size and what to do", async () => {
    put("files/model.bin", "");
    truncateSync(template("files/model.bin"), 3 * 2 ** 30);
    const { kind, message, hint } = await failure(root);
    expect([kind, message]).toEqual(["usage", expect.stringContaining("files/model.bin has 3.0 GiB")]);
    expect(hint).toContain("[downloads.NAME]");
  });

  it("is part of the inputs digest: bytes, names and modes", async () => {
    const digests = [(await rendered(root)).inputsDigest];
    put("files/a", "one");
    digests.push((await rendered(root)).inputsDigest);
    put("files/a", "two");
    digests.push((await rendered(root)).inputsDigest);
    chmodSync(template("files/a"), 0o755);
    digests.push((await rendered(root)).inputsDigest);
    expect(new Set(digests).size).toBe(4);
  });

  it("is written below dockerfiles/, and goes again when it goes here", async () => {
    put("files/agent/bin/run", BYTES, 0o755);
    await writeRendered(root, await rendered(root));
    const folder = join(root, "dockerfiles/debian/0.20.0");
    expect(readFileSync(join(folder, "agent/bin/run"))).toEqual(BYTES);
    expect(statSync(join(folder, "agent/bin/run")).mode & 0o777).toBe(0o755);
    rmSync(template("files"), { recursive: true });
    expect(await differences(root, await rendered(root))).toEqual(["agent is not a rendered file"]);
    await writeRendered(root, await rendered(root));
    expect(await differences(root, await rendered(root))).toEqual([]);
  });

  it("keeps other files beside it, and reports that they are not rendered files", async () => {
    put("files/agent/bin/run", BYTES, 0o755);
    await writeRendered(root, await rendered(root));
    const folder = join(root, "dockerfiles/debian/0.20.0");
    writeFileSync(join(folder, "agent/theirs"), "theirs");
    writeFileSync(join(folder, ".hidden"), "theirs");
    rmSync(template("files"), { recursive: true });
    await writeRendered(root, await rendered(root));
    expect(readFileSync(join(folder, "agent/theirs"), "utf8")).toBe("theirs");
    expect(readFileSync(join(folder, ".hidden"), "utf8")).toBe("theirs");
    expect(() => statSync(join(folder, "agent/bin"))).toThrow("ENOENT");
    expect(await differences(root, await rendered(root))).toEqual([
      ".hidden is not a rendered file",
      "agent is not a rendered file",
    ]);
  });

  it.each([
    "dockerfiles",
    "dockerfiles/debian",
    "dockerfiles/debian/0.20.0",
    "dockerfiles/debian/0.20.0/agent",
  ])("is not written or removed through a link: %s", async (linked) => {
    put("files/agent/run");
    mkdirSync(join(root, "victim/sub"), { recursive: true });
    writeFileSync(join(root, "victim/sub/file"), "theirs");
    mkdirSync(dirname(join(root, linked)), { recursive: true });
    symlinkSync(join(root, "victim"), join(root, linked));
    await expect(writeRendered(root, await rendered(root))).rejects.toMatchObject({ code: "LINK_REFUSED" });
    expect(readFileSync(join(root, "victim/sub/file"), "utf8")).toBe("theirs");
    expect(() => statSync(join(root, "victim/Dockerfile"))).toThrow("ENOENT");
    expect(() => statSync(join(root, "victim/run"))).toThrow("ENOENT");
  });

  it("keeps a line of .blaxelignore from leaving out what it holds", async () => {
    const lines = async (): Promise<string> => textOf((await rendered(root)).files, ".blaxelignore");
    expect(await lines()).toMatch(/^\.git$[^]*^node_modules$/mu);
    put("files/app/node_modules/x.js");
    put("files/.gitignore");
    expect(await lines()).not.toMatch(/^(\.git|node_modules)$/mu);
    expect(await lines()).toMatch(/^\.env$/mu);
  });

  it("may be a link within the folder, to a file or a folder", async () => {
    put("files/real/one", BYTES);
    symlinkSync("real", template("files/alias"));
    symlinkSync("real/one", template("files/two"));
    const names = (await rendered(root)).files
      .filter(({ contents }) => contents.equals(BYTES))
      .map(({ name }) => name);
    expect(names).toEqual(["alias/one", "real/one", "two"]);
  });

  it.each<[string, () => void, RegExp]>([
    [
      "a link out of the folder",
      () => {
        symlinkSync("/etc/passwd", template("files/p"));
      },
      /files\/p is a link to .*outside/u,
    ],
    [
      "a link to the template's own files",
      () => {
        symlinkSync("../template.toml", template("files/p"));
      },
      /outside its folder/u,
    ],
    [
      "a link to nothing",
      () => {
        symlinkSync("nothing", template("files/p"));
      },
      /a broken link/u,
    ],
    [
      "a link to a folder above",
      () => {
        symlinkSync(".", template("files/p"));
      },
      /a folder that contains it/u,
    ],
    [
      "the Dockerfile's name",
      () => {
        put("files/Dockerfile");
      },
      /overwrite Dockerfile/u,
    ],
    [
      "the records' name",
      () => {
        put("files/records/x");
      },
      /overwrite records/u,
    ],
    [
      "secrets",
      () => {
        put("files/app/.env");
      },
      /a name of secrets/u,
    ],
    [
      "what bl keeps for itself",
      () => {
        put("files/.docker/config.json");
      },
      /would not reach Blaxel/u,
    ],
    [
      "what only some builders obey",
      () => {
        put("files/.dockerignore");
      },
      /puts a \.dockerignore into the build context/u,
    ],
  ])("is refused when it is %s", async (_, arrange, says) => {
    mkdirSync(template("files"), { recursive: true });
    arrange();
    const found = await failure(root);
    expect([found.code, found.kind]).toEqual(["TEMPLATE_INVALID", "usage"]);
    expect(found.message).toMatch(says);
  });

  it("is refused when files/ itself leads elsewhere", async () => {
    symlinkSync("/etc", template("files"));
    expect((await failure(root)).message).toMatch(/files is a link to .*outside/u);
  });
});

describe("beside the .hbs files", () => {
  it.each<[string, () => void, RegExp, RegExp?]>([
    [
      "a plain file",
      () => {
        put("agent.py");
      },
      /Nothing uses templates\/debian\/agent\.py/u,
      /files\//u,
    ],
    [
      "a folder",
      () => {
        put("src/agent.py");
      },
      /Nothing uses templates\/debian\/src/u,
      /files\//u,
    ],
    [
      "records.hbs",
      () => {
        put("records.hbs");
      },
      /records, which mesa-template writes/u,
    ],
    [
      "lock.json.hbs",
      () => {
        put("lock.json.hbs");
      },
      /lock\.json, which/u,
    ],
    [
      ".blaxelignore.hbs",
      () => {
        put(".blaxelignore.hbs");
      },
      /\.blaxelignore, which/u,
    ],
    [
      ".hbs",
      () => {
        put(".hbs");
      },
      /without a name/u,
    ],
    [
      "a folder as .hbs",
      () => {
        mkdirSync(template("x.hbs"));
      },
      /x\.hbs is not a file/u,
    ],
    [
      "a template that is a link away",
      () => {
        symlinkSync("/etc/passwd", template("x.hbs"));
      },
      /outside its folder/u,
    ],
    [
      "checks that are a link away",
      () => {
        rmSync(template("checks.yaml"));
        symlinkSync("/etc/passwd", template("checks.yaml"));
      },
      /outside its folder/u,
    ],
  ])("%s is refused", async (_, arrange, says, hint = /./u) => {
    arrange();
    const found = await failure(root);
    expect(found.message).toMatch(says);
    expect(found.hint).toMatch(hint);
  });

  it("notes for people are left alone", async () => {
    put("README.md");
    put("Dockerfile.hbs~");
    expect((await rendered(root)).files.map(({ name }) => name)).not.toContain("README.md");
  });
});

describe("a rendered Dockerfile", () => {
  const withLines = (lines: string): void => {
    const text = readFileSync(template("Dockerfile.hbs"), "utf8");
    put("Dockerfile.hbs", text.replace("\n# Mesa: fetched", `\n${lines}\n\n# Mesa: fetched`));
  };

  it("that copies what is not there is refused", async () => {
    put("files/agent/run");
    withLines("COPY files/agent /src");
    const { message, hint } = await failure(root);
    expect(message).toMatch(/there is no files\/agent/u);
    expect(hint).toMatch(/write COPY agent/u);
  });

  it("copies what is in files/", async () => {
    put("files/agent/run");
    withLines('COPY agent/ /a\nCOPY ["./agent/run", "/b"]\nCOPY . /c\nCOPY age* /d');
    expect((await rendered(root)).template).toBe("debian");
  });
});
