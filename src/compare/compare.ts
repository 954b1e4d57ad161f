import { createTwoFilesPatch } from "diff";
import { downloadsOf, imagesOf, type Lock } from "../lock/lock";
import { generationOf } from "../mesa/generation";
import type { Measured, MeasuredFile, VersionRecord } from "../record/record";
import type { BuiltComparison, Change, Comparison, FilePatch, LayerSize } from "./comparison";

/** A side that was only locked and rendered, never built. */
export interface Unbuilt {
  readonly id: string;
  readonly lock: Lock;
  /** Texts by name, without lock.json. */
  readonly rendered: Readonly<Record<string, string>>;
}

/** All differences between two measured template versions. */
export function compareVersions(from: Measured, to: Measured): Comparison {
  return {
    ...compareInputs(from.record, to.record),
    built: compareBuilt(from, to),
  };
}

/** The differences in inputs and rendered files only. */
export function compareInputs(from: Unbuilt, to: Unbuilt): Comparison {
  const [before, after] = [generationOf(from.lock.mesaVersion), generationOf(to.lock.mesaVersion)];
  return {
    from: from.id,
    to: to.id,
    inputs: changes(inputsOf(from.lock), inputsOf(to.lock)),
    generation:
      before.name === after.name
        ? null
        : {
            from: { name: before.name, forPeople: before.forPeople },
            to: { name: after.name, forPeople: after.forPeople },
          },
    rendered: patches(from.rendered, to.rendered),
    built: null,
  };
}

function inputsOf(lock: Lock): Record<string, string> {
  const image = ({ repository, tag, platformDigest }: Lock["base"]): string =>
    `${repository}:${tag}@${platformDigest}`;
  return {
    mesa: lock.mesaVersion,
    "mesa package": `${lock.deb.package} ${lock.deb.version} sha256:${lock.deb.sha256}`,
    "mesa package's Depends": lock.deb.depends,
    "vouched for by":
      lock.deb.vouched.by === "signed"
        ? `signature of ${lock.deb.vouched.chain.key.fingerprint}`
        : "first download",
    ...Object.fromEntries(imagesOf(lock).map(([what, locked]) => [what, image(locked)])),
    ...Object.fromEntries(
      downloadsOf(lock).map(([what, { url, sha256 }]) => [what, `${url} sha256:${sha256}`]),
    ),
    ...(lock.snapshot === undefined ? {} : { snapshot: `${lock.snapshot.url} ${lock.snapshot.at}` }),
  };
}

/** Names with different values, in their order on both sides; null where a side lacks the name. */
function changes(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): readonly Change[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])]
    .filter((name) => from[name] !== to[name])
    .map((name) => ({ name, from: from[name] ?? null, to: to[name] ?? null }));
}

function byName(a: Change, b: Change): number {
  return a.name < b.name ? -1 : 1;
}

function patches(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): readonly FilePatch[] {
  return [...changes(from, to)].sort(byName).map(({ name, from: before, to: after }) => ({
    file: name,
    patch: createTwoFilesPatch(
      before === null ? "/dev/null" : `a/${name}`,
      after === null ? "/dev/null" : `b/${name}`,
      before ?? "",
      after ?? "",
      undefined,
      undefined,
      { context: 3 },
    ).replace(/^=+\n/u, ""),
  }));
}

function compareBuilt(from: Measured, to: Measured): BuiltComparison {
  return {
    packages: changedPackages(from.record, to.record),
    files: compareFiles(from.files, to.files),
    environment: changes(from.record.image.env, to.record.image.env),
    config: changes(configOf(from.record), configOf(to.record)),
    sizeBytes: { from: from.record.image.sizeBytes, to: to.record.image.sizeBytes },
    layers: { from: layersOf(from.record), to: layersOf(to.record) },
    smoke: checkTimes(from.record, to.record),
  };
}

/** Packages whose versions differ, by name. */
export function changedPackages(from: VersionRecord, to: VersionRecord): readonly Change[] {
  return [...changes(packagesOf(from), packagesOf(to))].sort(byName);
}

function packagesOf({ packages }: VersionRecord): Record<string, string> {
  const byName = new Map<string, string[]>();
  for (const { name, version } of packages) byName.set(name, [...(byName.get(name) ?? []), version]);
  return Object.fromEntries([...byName].map(([name, versions]) => [name, versions.join(", ")]));
}

function configOf({ image }: VersionRecord): Record<string, string> {
  return {
    distribution: image.distribution,
    entrypoint: JSON.stringify(image.entrypoint),
    cmd: JSON.stringify(image.cmd),
    user: image.user === "" ? "root" : image.user,
    workdir: image.workdir,
    ports: image.ports.join(", "),
  };
}

function layersOf({ image }: VersionRecord): readonly LayerSize[] {
  return image.layers.map(({ createdBy, sizeBytes, fromBase }) => ({
    createdBy,
    sizeBytes,
    fromBase: fromBase === true,
  }));
}

function described({ kind, mode, uid, gid, sizeBytes, content }: MeasuredFile): string {
  const rights = `${kind} ${mode.toString(8).padStart(4, "0")} ${String(uid)}:${String(gid)}`;
  if (kind === "symlink") return `${rights} → ${content}`;
  return kind === "file" ? `${rights} ${String(sizeBytes)} bytes ${content}` : rights;
}

const runsAsOwner = ({ kind, mode }: MeasuredFile): boolean => kind === "file" && (mode & 0o6000) !== 0;

function compareFiles(from: readonly MeasuredFile[], to: readonly MeasuredFile[]): BuiltComparison["files"] {
  const [before, after] = [byPath(from), byPath(to)];
  const both = from.flatMap((file) => {
    const now = after.get(file.path);
    return now === undefined ? [] : [{ path: file.path, from: described(file), to: described(now) }];
  });
  const setuid = (side: readonly MeasuredFile[], other: ReadonlyMap<string, MeasuredFile>): string[] =>
    side
      .filter((file) => runsAsOwner(file))
      .flatMap(({ path }) => {
        const there = other.get(path);
        return there !== undefined && runsAsOwner(there) ? [] : [path];
      });
  return {
    added: to.filter(({ path }) => !before.has(path)).map(({ path }) => path),
    removed: from.filter(({ path }) => !after.has(path)).map(({ path }) => path),
    changed: both.filter((pair) => pair.from !== pair.to),
    setuid: { added: setuid(to, before), removed: setuid(from, after) },
  };
}

function byPath(files: readonly MeasuredFile[]): ReadonlyMap<string, MeasuredFile> {
  return new Map(files.map((file) => [file.path, file]));
}

function checkTimes(from: VersionRecord, to: VersionRecord): BuiltComparison["smoke"] {
  const [before, after] = [from, to].map(
    ({ smoke }) => new Map(smoke.map(({ name, outcome, durationMs }) => [name, { outcome, durationMs }])),
  );
  const names = [...new Set([...from.smoke, ...to.smoke].map(({ name }) => name))];
  return names.map((name) => ({ name, from: before?.get(name) ?? null, to: after?.get(name) ?? null }));
}
