import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

type Texts = Readonly<Record<string, string>>;

/** As YAML reads them: a version number may come as one. */
type Values = Readonly<Record<string, string | number>>;

interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Values;
  readonly "working-directory"?: string;
}

export interface Job {
  readonly if?: string;
  readonly env?: Values;
  readonly outputs?: Texts;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly env?: Values;
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface RanJob {
  readonly ok: boolean;
  readonly outputs: Texts;
  /** What the steps said, for when something is not as expected. */
  readonly log: string;
}

export interface JobOptions {
  /** The checkout. */
  readonly cwd: string;
  /** By the names in expressions: "matrix.template", "secrets.BL_API_KEY". What is not there is empty, as on GitHub. */
  readonly values?: Texts;
  readonly env?: Texts;
}

export function readWorkflow(file: string): Workflow {
  return parse(readFileSync(file, "utf8")) as Workflow;
}

function evaluated(text: string, values: Texts): string {
  return text.replace(/\$\{\{ *([\w.-]+) *\}\}/gu, (_, name: string) => values[name] ?? "");
}

function all(env: Values | undefined, values: Texts): Texts {
  return Object.fromEntries(
    Object.entries(env ?? {}).map(([name, text]) => [name, evaluated(String(text), values)]),
  );
}

/** Whether a step runs: the few forms of conditions that our workflows have; another form is an error. */
function holds(condition: string | undefined, values: Texts, failed: boolean): boolean {
  if (condition === undefined) return !failed;
  if (condition === "always()") return true;
  if (condition === "failure()") return failed;
  const [, name, operator, text] = /^([\w.-]+) (==|!=) '(.*)'$/u.exec(condition) ?? [];
  if (name === undefined) throw new Error(`a condition of unknown form: ${condition}`);
  return !failed && ((values[name] ?? "") === text) === (operator === "==");
}

function bash(
  script: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; said: string }> {
  return new Promise((done, fail) => {
    const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", fail);
    child.on("close", (code) => {
      done({ code, said });
    });
  });
}

/** Outputs as a step writes them to $GITHUB_OUTPUT: name=value, or name<<MARK … MARK. */
function stepOutputs(text: string): Texts {
  const outputs: Record<string, string> = {};
  for (const match of text.matchAll(/^(\w+)(?:=(.*)|<<(.+)\n([\s\S]*?)\n\3)$/gmu))
    outputs[match[1] ?? ""] = match[2] ?? match[4] ?? "";
  return outputs;
}

/** Runs the `run:` steps of a job as GitHub's runner would, in a checkout; `make build` and what it `uses` are left out. */
export async function runJob(workflow: Workflow, job: Job, options: JobOptions): Promise<RanJob> {
  const values: Record<string, string> = { ...options.values };
  const folder = mkdtempSync(join(tmpdir(), "workflow-"));
  const outputFile = join(folder, "output");
  let failed = false;
  let log = "";
  try {
    for (const step of job.steps) {
      if (step.run === undefined || step.run === "make build" || !holds(step.if, values, failed)) continue;
      writeFileSync(outputFile, "");
      const env = {
        ...process.env,
        GITHUB_OUTPUT: outputFile,
        ...all(workflow.env, values),
        ...all(job.env, values),
        ...all(step.env, values),
        ...options.env,
      };
      const { code, said } = await bash(
        step.run,
        join(options.cwd, evaluated(step["working-directory"] ?? ".", values)),
        env,
      );
      log += `── ${step.name ?? step.id ?? ""} (exit ${String(code)})\n${said}`;
      failed ||= code !== 0;
      for (const [name, value] of Object.entries(stepOutputs(readFileSync(outputFile, "utf8"))))
        values[`steps.${step.id ?? ""}.outputs.${name}`] = value;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { ok: !failed, outputs: all(job.outputs, values), log };
}
