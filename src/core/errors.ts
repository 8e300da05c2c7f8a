/**
 * The two kinds of error a person can meet.
 *
 * `UserError` (and its children) is theirs: it says what went wrong, with which shapes, names or bytes, where in their
 * file, and what to do. `CompilerBug` is ours: it says which pass or invariant failed and what to attach to a report.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
}

/** Shapes or dtypes that do not fit together. */
export class ShapeError extends UserError {
  override readonly name = "ShapeError";
}

/** A feed, state or dimension that is missing, unknown, or of the wrong shape, dtype, length or range. */
export class FeedError extends UserError {
  override readonly name = "FeedError";
}

/** A file or download that is truncated, corrupt, or not what it claims to be. */
export class DataError extends UserError {
  override readonly name = "DataError";
}

/** A device that is missing, was lost, or refused what was asked of it. */
export class DeviceError extends UserError {
  override readonly name = "DeviceError";
}

/** A broken invariant inside tensorloom; never the user's fault. */
export class CompilerBug extends Error {
  override readonly name = "CompilerBug";
  constructor(message: string) {
    super(`${message}\nThis is a bug in tensorloom: please report it with the program that caused it.`);
  }
}

/** Closes a `switch` over a discriminated union: a new member fails to compile where it is not handled. */
export function unreachable(value: never): never {
  throw new CompilerBug(`unhandled case: ${JSON.stringify(value)}`);
}

/** What is told of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
