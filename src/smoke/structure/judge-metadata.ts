import type { ImageConfig } from "../../docker/index";
import { judged, type Asked, type Judged } from "../judged";
import { matches } from "../regular-expressions";
import type { MetadataTest, Named } from "./structure-file";

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function valuesAsked(
  what: string,
  wanted: readonly Named[],
  found: ReadonlyMap<string, string>,
): readonly Asked[] {
  return wanted.map(({ key, value, isRegex }) => {
    const is = found.get(key);
    const expected = `${what} ${key} ${isRegex ? "to match" : "to be"} ${value}`;
    if (is === undefined) return { expected, seen: `no ${what} ${key}`, holds: false };
    const fits = isRegex ? matches(is, value) : is === value;
    return {
      expected,
      seen: `${what} ${key} is ${is}`,
      holds: fits === true,
      hint: fits === undefined ? "It is no RE2 expression." : undefined,
    };
  });
}

/** Whether names are, or are not, in a list of what the image declares. */
function listed(
  what: string,
  names: readonly string[],
  declared: readonly string[],
  should: boolean,
  hint: (name: string) => string | undefined = () => undefined,
): readonly Asked[] {
  return names.map((name) => ({
    expected: should ? `${what} ${name}` : `no ${what} ${name}`,
    seen: `${what}: ${declared.join(", ") || "none"}`,
    holds: declared.includes(name) === should,
    hint: should ? hint(name) : undefined,
  }));
}

function portHint(port: string): string | undefined {
  return port.includes("/")
    ? `Ports are numbers alone here: write "${port.split("/", 1)[0] ?? ""}".`
    : undefined;
}

function text(what: string, wanted: string, is: string): readonly Asked[] {
  if (wanted === "") return [];
  return [
    {
      expected: `${what} ${wanted}`,
      seen: is === "" ? `no ${what}` : `${what} ${is}`,
      holds: wanted === is,
    },
  ];
}

function words(what: string, wanted: readonly string[] | undefined, is: readonly string[]): readonly Asked[] {
  if (wanted === undefined) return [];
  return [
    {
      expected: `${what} ${JSON.stringify(wanted)}`,
      seen: `${what} ${JSON.stringify(is)}`,
      holds: sameList(wanted, is),
    },
  ];
}

/** All fields of the metadata test at once: they are one result. */
export function judgeMetadata(
  test: MetadataTest,
  config: ImageConfig,
  labels: ReadonlyMap<string, string>,
  env: ReadonlyMap<string, string>,
): Judged {
  const ports = config.exposedPorts.map((port) => port.replace(/\/.*$/u, ""));
  return judged([
    ...valuesAsked("variable", test.envVars, env),
    ...valuesAsked("label", test.labels, labels),
    ...test.unboundEnvVars.map(({ key }) => ({
      expected: `no variable ${key}`,
      seen: env.has(key) ? `variable ${key} is ${env.get(key) ?? ""}` : `no variable ${key}`,
      holds: !env.has(key),
    })),
    ...listed("exposed port", test.exposedPorts, ports, true, portHint),
    ...listed("exposed port", test.unexposedPorts, ports, false),
    ...listed("volume", test.volumes, config.volumes, true),
    ...listed("volume", test.unmountedVolumes, config.volumes, false),
    ...words("entrypoint", test.entrypoint, config.entrypoint),
    ...words("cmd", test.cmd, config.cmd),
    ...text("workdir", test.workdir, config.workdir),
    ...text("user", test.user, config.user),
  ]);
}
