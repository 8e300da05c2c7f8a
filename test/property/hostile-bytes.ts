/** Files that are not what they should be: good ones with bytes changed, moved, repeated or cut off. */
import fc from "fast-check";

export type Mutation = (bytes: Uint8Array) => Uint8Array;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const kind = fc.constantFrom("set", "flip", "insert", "remove", "cut", "repeat");

/** One to five changes, anywhere; `likely` are bytes that mean something in the format. */
export function mutations(...likely: readonly number[]): fc.Arbitrary<Mutation> {
  const byte = likely.length === 0 ? fc.nat({ max: 255 }) : fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...likely));
  const change = fc.record({ kind, at: place, byte });
  return fc.array(change, { minLength: 1, maxLength: 5 }).map((changes) => {
    const mutate: Mutation = (original) => {
      let bytes = [...original];
      for (const { kind, at, byte } of changes) {
        const i = Math.floor(at * bytes.length);
        if (kind === "set") bytes[i] = byte;
        else if (kind === "flip") bytes[i] = (bytes[i] ?? 0) ^ (1 << (byte & 7));
        else if (kind === "insert") bytes.splice(i, 0, byte);
        else if (kind === "remove") bytes.splice(i, 1 + (byte & 7));
        else if (kind === "cut") bytes = bytes.slice(0, i);
        else bytes.splice(i, 0, ...bytes.slice(i, i + byte));
      }
      return Uint8Array.from(bytes);
    };
    // What a failure prints.
    return Object.assign(mutate, { toString: () => JSON.stringify(changes) });
  });
}
