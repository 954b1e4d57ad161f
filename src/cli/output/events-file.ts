import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { EmitEvent } from "../../support/events";
import { messageOf } from "../../support/errors";
import { isoTime, type Clock } from "../../support/clock";
import { redactValue, type Redactor } from "../../support/redact";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;

/**
 * Appends every event to a file at once, as one JSON object a line. If the file cannot be written (also a
 * named pipe without a reader), one warning says so and the run continues without it.
 */
export function eventsFile(
  path: string,
  clock: Clock,
  redact: Redactor,
  warn: (message: string) => void,
): EmitEvent {
  let broken = false;
  const append = (line: string): void => {
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o644);
    try {
      const bytes = Buffer.from(line);
      if (writeSync(file, bytes) < bytes.length) throw new Error("only a part of a line could be written");
    } finally {
      closeSync(file);
    }
  };
  return (event) => {
    if (broken) return;
    const line = JSON.stringify(
      redactValue({ schemaVersion: 1, time: isoTime(clock.now()), ...event }, redact),
    );
    try {
      append(`${line}\n`);
    } catch (error) {
      broken = true;
      warn(`The events file ${path} cannot be written, so it is incomplete: ${messageOf(error)}`);
    }
  };
}
