import { generationOf } from "../mesa/generation";
import { Failure } from "../support/errors";

/** How long Mesa lets a credential hold, in seconds (its API's documentation; tokens: as its SDK 0.38 signs them). */
const LIMITS = { key: [100, 31_536_000], token: [100, 86_400] } as const;

/** Whether a credential of that length can be had for that Mesa version. @throws Failure TTL (exit 2) */
export function checkTtl(mesaVersion: string, seconds: number): void {
  const { credential } = generationOf(mesaVersion);
  const [least, most] = LIMITS[credential];
  if (seconds >= least && seconds <= most) return;
  throw new Failure({
    code: "TTL",
    kind: "usage",
    message: `A credential for ${String(seconds)} s cannot be had: Mesa ${mesaVersion} takes ${credential === "key" ? "API keys" : "access tokens"}, which hold for ${String(least)} s to ${String(most)} s.`,
    hint: `Give --ttl between 100s and ${String(most / 3600)}h.`,
  });
}
