/**
 * What a misspelt name was meant to be: the same word in another case, what other libraries call it, or a word a few typing
 * errors away.
 */

/** A union of names that the compiler writes out wherever it prints the type; of an alias it says only what it is called. */
export type Spelled<Names extends string> = Names;

/** Names that other libraries, or other languages, have for what is called something else here; without case, "_" and "-". */
const aliases: Readonly<Record<string, readonly string[]>> = {
  acc: ["accuracy"],
  alpha: ["slope", "learningRate"],
  approx: ["approximate"],
  axes: ["axis"],
  axis: ["axes"],
  batch: ["dims"],
  batchsize: ["batch", "dims"],
  bce: ["sigmoidCrossEntropy"],
  betas: ["beta1"],
  bfloat16: ["bf16"],
  bias: ["useBias"],
  binarycrossentropy: ["sigmoidCrossEntropy"],
  boolean: ["bool"],
  brainfloat: ["bf16"],
  callback: ["callbacks"],
  categoricalcrossentropy: ["softmaxCrossEntropy"],
  crossentropy: ["softmaxCrossEntropy"],
  data: ["x"],
  decay: ["weightDecay"],
  device: ["target"],
  dim: ["axis"],
  dims: ["axis"],
  dimension: ["axis"],
  double: ["f64"],
  eps: ["epsilon"],
  eta: ["learningRate"],
  epoch: ["epochs"],
  cuda: ["wgsl"],
  float: ["f32"],
  float16: ["f16"],
  float32: ["f32"],
  float64: ["f64"],
  gpu: ["target", "wgsl"],
  grads: ["gradients"],
  half: ["f16"],
  inputs: ["x", "input"],
  int: ["i32"],
  int32: ["i32"],
  inputshape: ["input"],
  keepdim: ["keepDims"],
  kernelinitializer: ["initializer"],
  label: ["y"],
  labels: ["y"],
  lossfn: ["loss"],
  lr: ["learningRate"],
  mae: ["meanAbsoluteError"],
  mse: ["meanSquaredError"],
  mu: ["momentum"],
  nepochs: ["epochs"],
  numepochs: ["epochs"],
  optim: ["optimizer"],
  optimiser: ["optimizer"],
  output: ["outputs"],
  p: ["rate"],
  randomseed: ["seed"],
  randomstate: ["seed"],
  rate: ["learningRate"],
  sampleweights: ["sampleWeight"],
  sigma: ["deviation"],
  sparsecategoricalcrossentropy: ["softmaxCrossEntropy"],
  std: ["deviation"],
  stddev: ["deviation"],
  steps: ["epochs"],
  targets: ["y"],
  type: ["dtype"],
  uint32: ["u32"],
  uint8: ["u8"],
  validationdata: ["validation"],
  verbose: ["progress"],
  wd: ["weightDecay"],
  webgpu: ["wgsl"],
  weights: ["sampleWeight"],
  xs: ["x"],
  ys: ["y"],
};

const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, "");

/** The known name that `name` was most likely meant to be, if any comes near. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const same = known.find((candidate) => plain(candidate) === wanted);
  if (same !== undefined) return same;
  const alias = Object.hasOwn(aliases, wanted) ? aliases[wanted]?.find((other) => known.includes(other)) : undefined;
  if (alias !== undefined) return alias;
  const most = wanted.length < 2 ? 0 : Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let least = most + 1;
  for (const candidate of known) {
    const far = distance(wanted, plain(candidate), least);
    if (far < least) [best, least] = [candidate, far];
  }
  return best ?? known.find((candidate) => wanted.length > 3 && plain(candidate).startsWith(wanted));
}

/** How many letters must be put in, left out, replaced or swapped with the next (Damerau 1964); `limit` when it is more. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return Math.min(last[b.length] ?? limit, limit);
}
