import { mesaApi, type MesaApi } from "../../mesa/api";
import { issueCredential } from "../../mesa/credential";
import { temporaryMesaName, unmarked } from "../../mesa/leftovers";
import { mountPlan, type MountPlan } from "../../mesa/mount-plan";
import { parseRepo, placeMounts } from "../../mesa/mounts";
import { mountScript, proofScript, unmountScript } from "../../mesa/mount-script";
import { warnThatStays } from "../../support/processes/clean-up";
import type { Host } from "../../support/host";
import { MOUNT_CHECK, type Check, type CheckContext, type CheckVerdict, type Subject } from "../check";
import { failed, PASSED, outputOf, whyNoFuse } from "./verdicts";

const EXPLANATIONS: Readonly<Record<number, string>> = {
  41: "mesa itself refused: read its message.",
  42: "mesa reported success, but there is no mount: the daemon exited (FUSE, credential) or never mounted. See its log above.",
  43: "The mount exists, but the repository does not: check the API, the credential's permissions and the network inside.",
  44: "The repository is not writable: the credential lacks write permission, the mount is read-only, or the content service is down.",
  45: "A written file came back changed.",
  46: "The mount disappeared during use: the daemon died.",
};

const KEY_SECONDS = 600;
/** Time limit for each part of the clean-up, in ms. */
const CLEAN_UP_MS = 30_000;

/**
 * A real mount with a short-lived key: waits for /proc/mounts, writes a file and reads it back. Then unmounts and revokes the key in every
 * case.
 */
export function mesaMountCheck(host: Host): Check {
  return {
    name: MOUNT_CHECK,
    needs: "subject",
    skip: (context) =>
      context.mesa.access === undefined ? context.mesa.failure.message : whyNoFuse(context),
    run: (subject, context) => mountForReal(host, subject, context),
  };
}

async function mountForReal(
  host: Host,
  subject: Subject,
  { mesa: { access }, rendered }: CheckContext,
): Promise<CheckVerdict> {
  if (access === undefined) return { outcome: "skipped", seen: "no Mesa credential" };
  const name = temporaryMesaName(`smoke-${rendered.template}-${host.runId}-${subject.kind}`);
  // Has its own limit and ignores the run's signal, because Ctrl-C leads here.
  const atTheEnd = (): MesaApi => mesaApi({ ...host, signal: AbortSignal.timeout(CLEAN_UP_MS) }, access);
  const what = `what the mount check made in Mesa (mesa-template sandbox clean ${unmarked(name)} removes it)`;
  const warn = warnThatStays(host, what, rendered.template);
  const version = rendered.mesaVersion;
  const repo = await mesaApi(host, access).createRepo(name);
  const withCredential = async (): Promise<CheckVerdict> => {
    const wanted = { version, name, repos: [{ ...repo, mode: "rw" as const }], seconds: KEY_SECONDS };
    const credential = await issueCredential(host, access, wanted);
    try {
      const plan = mountPlan({
        version,
        access,
        mounts: placeMounts(version, access.org, [parseRepo(`${access.org}/${name}`, true)]),
        credential: credential.value,
        base: `/tmp/mesa-smoke-${host.runId}`,
      });
      return await mountAndProve(host, subject, plan, `${plan.mountPoint}/${access.org}/${name}`);
    } finally {
      if (credential.keyId !== undefined) await atTheEnd().revokeKey(credential.keyId).catch(warn);
    }
  };
  // What cannot be removed says nothing about the image.
  try {
    return await withCredential();
  } finally {
    await atTheEnd().deleteRepo(name).catch(warn);
  }
}

async function mountAndProve(
  host: Host,
  subject: Subject,
  plan: MountPlan,
  path: string,
): Promise<CheckVerdict> {
  const mounted = await subject.run({ script: mountScript(plan, path), env: plan.env, timeoutMs: 55_000 });
  const proven =
    mounted.exitCode === 0
      ? await subject.run({ script: proofScript(plan, path, host.runId), timeoutMs: 20_000 })
      : mounted;
  await subject.run({ script: unmountScript(plan), timeoutMs: 15_000 });
  if (proven.exitCode === 0) return PASSED;
  return failed(outputOf(proven), EXPLANATIONS[proven.exitCode] ?? "The mount failed.");
}
