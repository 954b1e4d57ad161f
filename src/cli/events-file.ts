import { appendFileSync } from "node:fs";
import type { EmitEvent } from "../support/events";
import { Failure, messageOf } from "../support/errors";
import { isoTime, type Clock } from "../support/clock";
import type { Redactor } from "../support/redact";

/** Appends every event to a file as one JSON object a line, at once, so that a reader can follow. A file that cannot be written is wrong usage. */
export function eventsFile(path: string, clock: Clock, redact: Redactor): EmitEvent {
  return (event) => {
    const line = JSON.stringify({ schemaVersion: 1, time: isoTime(clock.now()), ...event });
    try {
      appendFileSync(path, `${redact(line)}\n`);
    } catch (error) {
      throw new Failure({
        code: "EVENTS_FILE",
        kind: "usage",
        message: `The events file ${path} cannot be written: ${messageOf(error)}`,
        hint: "Give --events a file in an existing, writable folder.",
        cause: error,
      });
    }
  };
}
