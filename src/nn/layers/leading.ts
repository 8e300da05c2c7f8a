/** Calls whose first argument may be one of the options: `maxPooling2d(2)`, `maxPooling2d({ poolSize: 2 })`, `maxPooling2d()`. */

/** The options of such a call, and the call as one that was given these alone. */
export interface Leading<O extends object> {
  readonly options: O | undefined;
  readonly call: ArrayLike<unknown>;
}

/** `key` is the option that a number, a word or a list in the first place stands for. */
export function leading<K extends string, V, O extends { readonly [P in K]?: V }>(
  key: K,
  given: ArrayLike<unknown> & { readonly 0?: V | O; readonly 1?: O },
): Leading<O> {
  const [first, second] = [given[0], given[1]];
  const isOption = typeof first === "number" || typeof first === "string" || Array.isArray(first);
  if (!isOption) return { options: first as O | undefined, call: given };
  const isOptions = typeof second === "object" && second !== null && !Array.isArray(second);
  if (second !== undefined && !isOptions) return { options: second, call: Array.from(given).slice(1) }; // what it is not is said
  const options = { ...second, [key]: first } as unknown as O;
  return { options, call: [options, ...Array.from(given).slice(2)] };
}
