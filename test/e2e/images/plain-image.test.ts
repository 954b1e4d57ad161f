import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mesaTemplate, temporaryRoot } from "../program";
import { resetWorld } from "../world";

/** A team's own steps: a program with a file capability, a package that puts a folder below /var/cache, and a file of the base that goes. */
const OWN_STEPS = `RUN apt-get update -qq \\
 && apt-get install -yqq --no-install-recommends iputils-ping libcap2-bin man-db \\
 && rm -rf /var/lib/apt/lists/*
RUN rm /usr/bin/perl
`;

const place = temporaryRoot();
const plain = "mesa-template-test/plain-image:debian";

function docker(...args: readonly string[]): string {
  return execFileSync("docker", args, { encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
}
function inImage(image: string, script: string): string {
  return docker("run", "--rm", "--entrypoint", "sh", image, "-c", script);
}

describe.each(["buildkit", "classic"])("an image is what its Dockerfile says (%s)", (builder) => {
  let image = "";
  let layers: readonly { readonly fromBase?: boolean }[] = [];

  beforeAll(async () => {
    await resetWorld();
    const file = join(place.root, "templates/debian/Dockerfile.hbs");
    const text = readFileSync(file, "utf8");
    if (!text.includes(OWN_STEPS))
      writeFileSync(file, text.replace(/(\{\{! Your own steps[^\n]*\n)/u, `$1${OWN_STEPS}`));
    const args = ["build", "0.20.0", "--template", "debian", "--root", place.root, "--json", "--force"];
    const ran = await mesaTemplate(args, { env: { MESA_TEMPLATE_BUILDER: builder } });
    expect(ran.code, ran.stderr).toBe(0);
    const [result] = ran.json<{ results: { image: { reference: string; layers: typeof layers } }[] }>()
      .results;
    image = result?.image.reference ?? "";
    layers = result?.image.layers ?? [];
    const dockerfile = readFileSync(join(place.root, "dockerfiles/debian/0.20.0/Dockerfile"), "utf8");
    const base = /^FROM \$\{MIRROR\}(docker\.io\S+)$/mu.exec(dockerfile)?.[1] ?? "";
    const mirror = /^images = "(.*?)\/?"$/mu.exec(
      readFileSync(process.env["MESA_TEMPLATE_UPSTREAM"] ?? "", "utf8"),
    );
    const by = `FROM ${mirror?.[1] ?? ""}/${base}\n${OWN_STEPS}`;
    execFileSync("docker", ["build", "-q", "-t", plain, "-"], {
      input: by,
      stdio: ["pipe", "ignore", "ignore"],
    });
  }, 300_000);

  it("has the file capabilities that a plain build gives", () => {
    const capabilities = inImage(plain, "getcap -r / 2>/dev/null");
    expect(capabilities).toContain("cap_net_raw");
    expect(inImage(image, "getcap -r / 2>/dev/null")).toBe(capabilities);
  });

  it("lacks the file of the base that a step deletes", () => {
    expect(inImage(image, "test -e /usr/bin/perl || echo gone")).toBe("gone\n");
  });

  it("has what a package puts below /var/cache", () => {
    expect(inImage(image, "test -d /var/cache/man && echo there")).toBe("there\n");
  });

  it("holds no package list, no cache of packages, no .deb", () => {
    const left =
      "find /var/lib/apt/lists /var/cache/apt / -xdev \\( -name '*.deb' -o -name '*Packages*' -o -name '*pkgcache.bin' -o -path '/var/log/apt/*' -o -path '/var/log/*.log' \\) -not -path '/proc/*'";
    expect(inImage(image, left)).toBe("");
  });

  it("adds few layers to its base", () => {
    expect(layers.filter(({ fromBase }) => fromBase !== true).length).toBeLessThanOrEqual(6);
  });
});

afterAll(() => {
  docker("rmi", "-f", plain);
  place.remove();
});
