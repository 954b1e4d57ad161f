import { pack } from "tar-stream";
import type { Engine } from "../../../src/docker/index";
import { systemClock } from "../../../src/support/clock";
import type { Host } from "../../../src/support/host";
import { createRedactor } from "../../../src/support/redact";
import { runProcess } from "../../../src/support/processes/run-process";

/** A host as the program itself has it, for tests that call its rooms. */
export function realHost(runId: string, env: Host["env"] = process.env): Host {
  return {
    env,
    clock: systemClock,
    fetch,
    run: runProcess,
    emit: () => undefined,
    redact: createRedactor(env),
    signal: new AbortController().signal,
    runId,
  };
}

/** Builds a small image from a Dockerfile's text and files beside it; answers with its reference. */
export async function buildFixture(
  host: Host,
  engine: Engine,
  tag: string,
  dockerfile: string,
  options: {
    readonly files?: Readonly<Record<string, string>>;
    readonly buildArgs?: Readonly<Record<string, string>>;
  } = {},
): Promise<string> {
  const context = pack();
  for (const [name, text] of Object.entries({ ...options.files, Dockerfile: dockerfile }))
    context.entry({ name, mode: 0o755 }, text);
  context.finalize();
  const ending = await engine.build({
    context: context as unknown as NodeJS.ReadableStream,
    builder: engine.facts.buildKit ? "buildkit" : "classic",
    tag,
    labels: { "mesa-template.run": host.runId },
    buildArgs: options.buildArgs ?? {},
    noCache: false,
  });
  if (!ending.ok) throw new Error([...ending.lines, ending.message].join("\n"));
  return tag;
}
