import type { CommandHandler } from "../command";
import { blaxelCore } from "../../blaxel/core";
import { deleteSandbox, SANDBOX_LABEL } from "../../blaxel/sandboxes";
import { mesaAccess, mesaApi } from "../../mesa/api";
import { EXIT_CODES } from "../../support/exit-codes";

/** What made a sandbox that it would have deleted itself: a run, or a verification. */
const LEFT_BY = new Set(["run", "verify"]);
const OURS = /^mesa-run-[0-9a-f]{12}$/u;

export const run: CommandHandler = async (_args, { host, dryRun }) => {
  const { SandboxInstance } = await blaxelCore(host);
  const sandboxes: string[] = [];
  await (
    await SandboxInstance.list()
  ).autoPagingEach((sandbox) => {
    const { name, labels } = sandbox.metadata;
    if (LEFT_BY.has(labels?.[SANDBOX_LABEL] ?? "")) sandboxes.push(name);
  });
  const access = mesaAccess(host.env);
  const api = access === undefined ? undefined : mesaApi(host, access);
  const keys =
    api === undefined ? [] : (await api.listKeys()).filter((key) => OURS.test(key.name) && !key.revoked);
  if (!dryRun) {
    for (const key of keys) await api?.revokeKey(key.id);
    for (const name of sandboxes) await deleteSandbox(host, name);
  }
  const word = dryRun ? "would be removed" : "removed";
  const lines = [
    ...sandboxes.map((name) => `sandbox ${name} ${word}`),
    ...keys.map((key) => `credential ${key.id} (${key.name}) ${dryRun ? "would be revoked" : "revoked"}`),
  ];
  return {
    exitCode: EXIT_CODES.done,
    json: { ok: true, dryRun, sandboxes, keys: keys.map((key) => key.id) },
    text: lines.length === 0 ? "Nothing is left of earlier runs.\n" : `${lines.join("\n")}\n`,
  };
};
