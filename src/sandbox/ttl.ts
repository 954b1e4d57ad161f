import { generationOf } from "../mesa/generation";
import { Failure } from "../support/errors";

/** How long Mesa lets a credential hold, in seconds (its API's documentation; tokens: as its SDK 0.38 signs them). */
const LIMITS = { key: [100, 31_536_000], token: [100, 86_400] } as const;

/** Whether that Mesa version supports credentials of that lifetime. @throws Failure TTL (exit 2) */
export function checkTtl(mesaVersion: string, seconds: number): void {
  const { credential } = generationOf(mesaVersion);
  const [least, most] = LIMITS[credential];
  if (seconds >= least && seconds <= most) return;
  throw new Failure({
    code: "TTL",
    kind: "usage",
    message: `A credential for ${String(seconds)} s is not supported: Mesa ${mesaVersion} takes ${credential === "key" ? "API keys" : "access tokens"}, which are valid for ${String(least)} s to ${String(most)} s.`,
    hint: `Give --ttl between 100s and ${String(most / 3600)}h.`,
  });
}
