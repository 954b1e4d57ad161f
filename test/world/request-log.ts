export type RequestTarget = "registry" | "apt" | "mesa" | "blaxel";

interface LoggedRequest {
  readonly time: string;
  readonly to: RequestTarget;
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** What was asked of each part of the world, in order. */
export interface RequestLog {
  add(request: Omit<LoggedRequest, "time">): void;
  list(to?: RequestTarget): readonly LoggedRequest[];
  clear(): void;
}

export function createRequestLog(): RequestLog {
  const entries: LoggedRequest[] = [];
  return {
    add: (request) => entries.push({ time: new Date().toISOString(), ...request }),
    list: (to) => (to === undefined ? [...entries] : entries.filter((entry) => entry.to === to)),
    clear: () => {
      entries.length = 0;
    },
  };
}
