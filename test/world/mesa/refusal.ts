/** An answer other than success, in Mesa's shape {error:{code,message}}. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A request that is not as it must be: 400. */
export const badRequest = (message: string): Refusal => new Refusal(400, "BAD_REQUEST", message);

/** Something that is not there, or not for this credential: 404. */
export const notFound = (message: string): Refusal => new Refusal(404, "NOT_FOUND", message);
