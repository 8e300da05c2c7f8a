/**
 * PyTorch's names for the parts of a layer: "fc1.weight" is the kernel of fc1, the gamma of a normalization, or the table of an
 * embedding, whichever fc1 has.
 */

/** The last part of a name -> ours. */
const parts: ReadonlyMap<string, readonly string[]> = new Map([
  ["weight", ["kernel", "gamma", "embeddings"]],
  ["bias", ["bias", "beta"]],
  ["running_mean", ["movingMean"]],
  ["running_var", ["movingVariance"]],
]);

/** Names in a file -> names of weights: the same one, or the one that PyTorch's stands for, where there is just one. */
export function matchNames(names: readonly string[], weights: readonly string[]): ReadonlyMap<string, string> {
  const known = new Set(weights);
  const same = new Set(names.filter((name) => known.has(name)));
  const pairs = names.flatMap((name) => {
    if (same.has(name)) return [[name, name] as const];
    const dot = name.lastIndexOf(".") + 1;
    const ours = (parts.get(name.slice(dot)) ?? []).map((part) => `${name.slice(0, dot)}${part}`);
    const [found, ...more] = ours.filter((weight) => known.has(weight) && !same.has(weight));
    return found === undefined || more.length > 0 ? [] : [[name, found] as const];
  });
  return new Map(pairs);
}
