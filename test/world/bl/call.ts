import { AsyncLocalStorage } from "node:async_hooks";

/** What a call of bl is given, and where it speaks: a process of its own, or one that the world makes for it. */
export interface Call {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

const OWN_PROCESS: Call = {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

const calls = new AsyncLocalStorage<Call>();
export const call = (): Call => calls.getStore() ?? OWN_PROCESS;

/** Runs `work` as a call in this process. */
export const asCall = <T>(as: Call, work: () => Promise<T>): Promise<T> => calls.run(as, work);
