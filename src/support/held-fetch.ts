/** A timer that is never due: it only keeps the process from ending. */
const NEVER_MS = 2 ** 30;

/**
 * fetch that keeps the process alive until it has settled. A signal's own timer does not, and Node 20's fetch does not hear that the
 * first connection of a process was closed without an answer (its parser is still being loaded then): the process would end in silence, with 13.
 */
export function heldFetch(fetchIt: typeof fetch): typeof fetch {
  return async (input, init) => {
    const hold = setTimeout(() => undefined, NEVER_MS);
    try {
      return await fetchIt(input, init);
    } finally {
      clearTimeout(hold);
    }
  };
}
