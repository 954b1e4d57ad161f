import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadTemplate, textOf } from "../../../src/render/index";
import { failure, ownRoot, rendered } from "./fixture/own-root";

let root = "";
beforeEach(() => {
  root = ownRoot();
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function edit(file: string, change: (text: string) => string): void {
  const path = join(root, "templates/debian", file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

describe("a template that is not right is refused with what, where and what to do", () => {
  it.each([
    [
      "a wrong type",
      (text: string) => text.replace("memory_megabytes = 4096", 'memory_megabytes = "4096"'),
      /sandbox\.memory_megabytes.*string "4096"/u,
    ],
    ["an unknown key", (text: string) => `colour = "red"\n${text}`, /unknown key colour/u],
    ["not TOML", (text: string) => `${text}\n= 3`, /line \d+.*not TOML/u],
    [
      "a name that is too long",
      (text: string) => text.replace('"mesa-{template}"', `"${"a".repeat(50)}"`),
      /at most 49/u,
    ],
    [
      "a name with other characters",
      (text: string) => text.replace('"mesa-{template}"', '"Mesa_Debian"'),
      /sandbox\.name/u,
    ],
    [
      "a reserved port",
      (text: string) => `${text}\n[[sandbox.ports]]\nname = "web"\ntarget = 443\n`,
      /port 443 is reserved/u,
    ],
    [
      "a value with a line break",
      (text: string) => `${text}\n[values]\nnote = "a\\nb"\n`,
      /values\.note.*line breaks/u,
    ],
    ["a value with a quote", (text: string) => `${text}\n[values]\nnote = 'a"b'\n`, /values\.note/u],
    [
      "a value nobody uses",
      (text: string) => `${text}\n[values]\nnote = "plain"\n`,
      /values\.note, which no file/u,
    ],
    [
      "an image that is none",
      (text: string) => text.replace("docker.io/library/debian:bookworm-slim", "debian latest"),
      /base\.image/u,
    ],
    [
      "an unknown way to install",
      (text: string) => text.replace('install = "apt"', 'install = "apk"'),
      /install is string "apk"; allowed: apt or extract/u,
    ],
    [
      "a number that is too small",
      (text: string) => text.replace("memory_megabytes = 4096", "memory_megabytes = 12"),
      /memory_megabytes is number 12; it must be at least 512/u,
    ],
    [
      "a download without https",
      (text: string) => `${text}\n[downloads.x]\nurl = "http://example.com/x"\n`,
      /downloads\.x\.url is string "http:.*; it must be an address that begins with https/u,
    ],
    [
      "a download with a password, which locks and images would keep",
      (text: string) => `${text}\n[downloads.x]\nurl = "https://ci:token@example.com/x"\n`,
      /downloads\.x\.url is .*and has no password/u,
    ],
    [
      "a download whose version is missing",
      (text: string) => `${text}\n[downloads.x]\nurl = "https://example.com/{version}"\n`,
      /downloads\.x\.version is missing/u,
    ],
    [
      "an integrity that was cut off",
      (text: string) => `${text}\n[downloads.x]\nurl = "https://example.com/x"\nintegrity = "sha512-AAAA"\n`,
      /downloads\.x\.integrity.*another length/u,
    ],
    [
      "an image without a tag",
      (text: string) => `${text}\n[images.node]\nimage = "node"\n`,
      /images\.node\.image is "node", which has no tag/u,
    ],
  ])("%s", async (_what, change, says) => {
    edit("template.toml", change);
    const found = await failure(root);
    expect(found.kind).toBe("usage");
    expect(found.message).toMatch(says);
    expect(found.hint).toBeTruthy();
  });

  it.each([
    "values.nobody",
    "values.constructor",
    "constructor",
    "base.toString",
    "images.node.reference",
    "nobody",
  ])("the variable %s that nobody gives, by its whole name", async (name) => {
    edit("Dockerfile.hbs", (text) => `${text}ENV X={{${name}}}\n`);
    const found = await failure(root);
    expect(found.message).toContain(`{{${name}}} has no value`);
    expect(found.message).toMatch(/Dockerfile\.hbs, line \d+/u);
    expect(found.message).not.toContain("[object");
  });

  it("what Handlebars cannot read, with file, line and text", async () => {
    edit("Dockerfile.hbs", (text) => `ENV A=1\nENV X={{values.\n${text}`);
    expect((await failure(root)).message).toMatch(
      /templates\/debian\/Dockerfile\.hbs, line \d+: Handlebars cannot read ".*"/u,
    );
  });

  it.each([
    [
      "a value",
      "a\n{{values.nobody}}\n",
      /^templates\/partials\/own\.hbs, line 2: \{\{values\.nobody\}\} has no value/u,
    ],
    [
      "a block without its end",
      "a\n{{#if base}}\n",
      /^templates\/partials\/own\.hbs, line 3: a block is still open/u,
    ],
    [
      "a wrong end",
      "a{{#if base}}{{/each}}\n",
      /^templates\/partials\/own\.hbs: if doesn't match each - 1:/u,
    ],
    ["itself", "a\n{{> own}}\n", /Dockerfile\.hbs: a partial includes itself/u],
  ])("%s in a partial, by the partial's name", async (_what, text, says) => {
    const partials = join(root, "templates/partials");
    rmSync(partials);
    cpSync(join(import.meta.dirname, "../../../templates/partials"), partials, { recursive: true });
    writeFileSync(join(partials, "own.hbs"), text);
    edit("Dockerfile.hbs", (dockerfile) => `${dockerfile}{{> own}}\n`);
    expect((await failure(root)).message).toMatch(says);
  });

  it.each(["base", "this", "#each sandbox.ports}}{{this}}{{/each"])(
    "{{%s}}, which is a group of values",
    async (name) => {
      edit("template.toml", (text) => `${text}\n[[sandbox.ports]]\nname = "web"\ntarget = 3000\n`);
      edit("Dockerfile.hbs", (text) => `${text}# {{${name}}}\n`);
      expect((await failure(root)).message).toMatch(
        /Dockerfile\.hbs: \{\{(?:base|this|sandbox.ports)\}\} is a group of values/u,
      );
    },
  );

  it("the helper log, which would write to stdout", async () => {
    edit("Dockerfile.hbs", (text) => `${text}{{log base.reference}}\n`);
    expect((await failure(root)).message).toContain("{{log}} has no value");
  });

  it("takes line breaks and the byte order mark of Windows, and writes none", async () => {
    const before = await rendered(root);
    for (const file of ["Dockerfile.hbs", "entrypoint.sh.hbs", "template.toml"])
      edit(file, (text) => `\uFEFF${text.replaceAll("\n", "\r\n")}`);
    expect((await rendered(root)).inputsDigest).toBe(before.inputsDigest);
  });

  it("a partial that is not there, with those that are", async () => {
    edit("Dockerfile.hbs", (text) => `${text}{{> mark-before}}\n`);
    const found = await failure(root);
    expect(found.message).toContain("mark-before");
    expect(found.hint).toContain("check-version");
  });

  it.each(["debian:bookworm-slim", "index.docker.io/library/debian:bookworm-slim"])(
    "takes %s, and means the name in full",
    async (image) => {
      edit("template.toml", (text) => text.replace("docker.io/library/debian:bookworm-slim", image));
      const { settings } = await loadTemplate(root, "debian");
      expect(settings.base.image).toBe("docker.io/library/debian:bookworm-slim");
    },
  );

  it("the sandbox name of another template, but not of one that is wrong itself", async () => {
    cpSync(join(root, "templates/debian"), join(root, "templates/copy"), { recursive: true });
    await rendered(root);
    edit("../copy/template.toml", (text) => text.replace("mesa-{template}", "mesa-debian"));
    const found = await failure(root);
    expect(found.message).toContain(
      "templates/debian and templates/copy have the same sandbox.name, mesa-debian",
    );
    edit("../copy/template.toml", (text) => `colour = "red"\n${text}`);
    await rendered(root);
  });

  it("a file that is missing", async () => {
    rmSync(join(root, "templates/debian/entrypoint.sh.hbs"));
    expect((await failure(root)).message).toContain("entrypoint.sh.hbs");
  });

  it.each(["../x", "Debian", "", "a/b"])("the name %j", async (name) => {
    expect((await failure(root, name)).code).toBe("TEMPLATE_UNKNOWN");
  });

  it("a template that is not there names those that are", async () => {
    mkdirSync(join(root, "templates/alpine"));
    writeFileSync(join(root, "templates/alpine/template.toml"), "");
    expect((await failure(root, "nosuch")).hint).toContain("alpine, debian");
  });

  it("takes a value that is used", async () => {
    edit("template.toml", (text) => `${text}\n[values]\nnote = "plain text, nothing more"\n`);
    edit("Dockerfile.hbs", (text) => `${text}LABEL note="{{values.note}}"\n`);
    expect(textOf((await rendered(root)).files, "Dockerfile")).toContain(
      'LABEL note="plain text, nothing more"',
    );
  });

  it("a blaxel.toml with a field that bl would silently drop", async () => {
    edit("blaxel.toml.hbs", (text) => `entrypoint = "x"\n${text}`);
    const found = await failure(root);
    expect(found).toMatchObject({ code: "BLAXEL_TOML", kind: "usage", template: "debian" });
    expect(found.message).toMatch(/^blaxel\.toml: entrypoint: bl ignores it/u);
    expect(found.hint).toContain("templates/debian/blaxel.toml.hbs");
  });
});
