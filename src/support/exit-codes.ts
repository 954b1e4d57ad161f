/** Exit code of each kind of failure. The code is derived from the kind, never chosen. */
export const EXIT_CODES = {
  done: 0,
  internal: 1,
  usage: 2,
  environment: 3,
  upstream: 4,
  build: 5,
  smoke: 6,
  deploy: 7,
  manifest: 8,
  drift: 9,
  interrupted: 130,
} as const;

export type FailureKind = Exclude<keyof typeof EXIT_CODES, "done">;
export type ExitCode = number;
