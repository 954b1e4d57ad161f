import { versionId, type Manifest } from "./entry";

export interface ManifestProblem {
  readonly problem:
    | "wrong-id"
    | "missing-version"
    | "unusable-version"
    | "history-order"
    | "history-gap"
    | "failure-missing"
    | "deployment-missing"
    | "mutable-image";
  readonly where: string;
  readonly message: string;
}

/** Everything that is wrong with a manifest whose shape is right: ids, references, channels, history. */
export function checkManifest(manifest: Manifest): readonly ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  const add = (problem: ManifestProblem["problem"], where: string, message: string): void => {
    problems.push({ problem, where, message });
  };
  for (const [id, entry] of Object.entries(manifest.versions)) {
    const should = versionId(entry.template, entry.mesaVersion, entry.revision);
    if (entry.id !== id || id !== should)
      add("wrong-id", id, `it stands under ${id}, calls itself ${entry.id}, and by its fields is ${should}`);
    if (["deployed", "verified"].includes(entry.status) && entry.deployment === null)
      add("deployment-missing", id, `it is ${entry.status} but has no deployment`);
    if (entry.deployment !== null && !/^sandbox\/[^:]+:(?!latest$).+$/u.test(entry.deployment.image))
      add("mutable-image", id, `${entry.deployment.image} is not an immutable image`);
    if (entry.status === "failed" && entry.failure === null)
      add("failure-missing", id, "it failed but says not why");
  }
  for (const [template, channels] of Object.entries(manifest.channels)) {
    for (const [channel, id] of Object.entries(channels)) {
      const entry = manifest.versions[id];
      if (entry === undefined)
        add("missing-version", `${template}/${channel}`, `it points at ${id}, which is not there`);
      else if (entry.template !== template || !["deployed", "verified", "revoked"].includes(entry.status))
        add(
          "unusable-version",
          `${template}/${channel}`,
          `it points at ${id}, which is ${entry.template !== template ? `of ${entry.template}` : entry.status}`,
        );
      const last = manifest.history
        .filter((move) => move.template === template && move.channel === channel)
        .at(-1);
      if (last?.to !== id)
        add(
          "history-gap",
          `${template}/${channel}`,
          `it points at ${id}, its newest move went to ${last?.to ?? "nothing"}`,
        );
    }
  }
  manifest.history.forEach((move, index) => {
    const before = manifest.history[index - 1];
    if (before !== undefined && before.at > move.at)
      add("history-order", `history ${String(index + 1)}`, "it is older than the move before it");
    if (move.to !== null && manifest.versions[move.to] === undefined)
      add("missing-version", `history ${String(index + 1)}`, `it went to ${move.to}, which is not there`);
  });
  return problems;
}
