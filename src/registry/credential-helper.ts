import * as z from "zod/mini";
import { Failure } from "../support/errors";
import type { Host } from "../support/host";
import { runOther } from "../support/processes/other-program";
import { parsedJson } from "../support/text/parsed-json";
import { outputLines } from "../support/text/output-lines";

/** A login to a registry, in the engine's format (X-Registry-Auth). */
export type Login =
  | { readonly username: string; readonly password: string }
  /** A refresh token, exchanged at the registry's token service (OAuth2). */
  | { readonly identitytoken: string }
  /** Sent to the registry unchanged. */
  | { readonly registrytoken: string };

/** A key ring may ask the user first. */
const TIMEOUT_MS = 30_000;

const answerSchema = z.looseObject({ Username: z.nullish(z.string()), Secret: z.string() });

/**
 * Asks docker-credential-NAME for the login to a server (docker/docker-credential-helpers: `get`, the server on stdin, JSON on stdout; the
 * user `<token>` means that the secret is an identity token). undefined if it has none.
 * @throws Failure CREDENTIAL_HELPER (exit 3) if it is missing, fails or does not respond
 */
export async function askHelper(host: Host, name: string, server: string): Promise<Login | undefined> {
  const command = `docker-credential-${name}`;
  if (!/^[\w.-]+$/u.test(name))
    throw helperFailed(command, server, "its name is not the end of a program's name");
  const result = await runOther(host, command, ["get"], {
    input: server,
    timeoutMs: TIMEOUT_MS,
    keepBytes: 1_000_000,
  });
  const output = `${result.stdout}\n${result.stderr}`;
  if (result.spawnError !== undefined)
    throw helperFailed(command, server, "it cannot be started; check that it is on PATH", result.spawnError);
  if (result.timedOut)
    throw helperFailed(command, server, `it did not answer within ${String(TIMEOUT_MS / 1000)} s`, output);
  if (result.exitCode !== 0) {
    if (
      /credentials not found in native keychain|no credentials server URL|no credentials username/u.test(
        output,
      )
    )
      return undefined;
    const end = result.signal ?? `exit code ${String(result.exitCode)}`;
    throw helperFailed(command, server, `it fails (${end})`, output);
  }
  const answer = z.safeParse(answerSchema, parsedJson(result.stdout));
  // Its output may be the secret itself, so it is not repeated.
  if (!answer.success)
    throw helperFailed(command, server, "its answer is not the JSON of the helper protocol");
  const { Username, Secret: secret } = answer.data;
  const username = Username ?? "";
  if (username === "" && secret === "") return undefined;
  return username === "<token>" ? { identitytoken: secret } : { username, password: secret };
}

function helperFailed(command: string, server: string, why: string, output = ""): Failure {
  return new Failure({
    code: "CREDENTIAL_HELPER",
    kind: "environment",
    message: `The credential helper ${command} could not provide the login to ${server}: ${why}.`,
    hint: `Try it: echo ${server} | ${command} get. It is named by credsStore or credHelpers in Docker's config.json or Podman's auth.json.`,
    log: outputLines(output, 10),
  });
}
