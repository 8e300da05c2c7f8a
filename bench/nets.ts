/**
 * Networks whose training steps are compared: their parameters and their arithmetic.
 *
 *   c5      32 filters of 3 x 3, relu, the largest of 2 x 2, dense 64, dense 10      28 x 28 images
 *   conv2   32 filters and 64 of 3 x 3, each with relu, the largest of 2 x 2, dense 128, dense 10
 *   lstm    an LSTM, 64 wide, over 100 steps of 7 pixels; dense 10 of its last state
 *   block   a transformer block, 4 heads, 128 wide, over 128 tokens of 6 pixels: causal attention, then a dense layer of 512 with relu,
 *           both on normalized inputs and added to them; dense 10 of the mean of its tokens
 *
 * All with Adam. Weights are cut from the random numbers, parameter after parameter, and scaled to Glorot's limits.
 */
export type NetName = "c5" | "conv2" | "lstm" | "block";

export const lstmShape = { steps: 100, pixels: 7, width: 64 } as const;
export const blockShape = { tokens: 128, pixels: 6, width: 128, heads: 4, wide: 512 } as const;

/** A parameter: uniform up to `limit`, or zeros. */
export interface NetParam {
  readonly shape: readonly number[];
  readonly limit: number;
}

export interface NetWorkload {
  readonly kind: "net";
  readonly net: NetName;
  readonly batch: number;
  /** Kernel and bias of each layer in turn, for systems in other languages. */
  readonly params: readonly NetParam[];
}

interface Net {
  /** Shapes of the kernels. */
  readonly kernels: readonly (readonly number[])[];
  /** Multiplications and additions of its contractions, forwards and backwards, for one image. */
  readonly flops: number;
}

const { steps, width: memory } = lstmShape;
const { tokens, width, wide } = blockShape;

const dense = (inputs: number, outputs: number): number => 2 * inputs * outputs;
const convolved = (places: number, channels: number, filters: number): number => 2 * places * 9 * channels * filters;

/** Of the first layer the gradient of the input is not wanted. */
const nets: Readonly<Record<NetName, Net>> = {
  c5: {
    kernels: [
      [3, 3, 1, 32],
      [5408, 64],
      [64, 10],
    ],
    flops: 2 * convolved(26 * 26, 1, 32) + 3 * (dense(5408, 64) + dense(64, 10)),
  },
  conv2: {
    kernels: [
      [3, 3, 1, 32],
      [3, 3, 32, 64],
      [9216, 128],
      [128, 10],
    ],
    flops: 2 * convolved(26 * 26, 1, 32) + 3 * (convolved(24 * 24, 32, 64) + dense(9216, 128) + dense(128, 10)),
  },
  lstm: {
    // The gates in turn: of the input, of forgetting, the candidate, of the output.
    kernels: [
      [lstmShape.pixels, 4 * memory],
      [memory, 4 * memory],
      [memory, 10],
    ],
    flops: steps * (2 * dense(lstmShape.pixels, 4 * memory) + 3 * dense(memory, 4 * memory)) + 3 * dense(memory, 10),
  },
  block: {
    // Tokens; queries, keys and values beside each other; what joins the heads; the two dense layers; classes.
    kernels: [
      [blockShape.pixels, width],
      [width, 3 * width],
      [width, width],
      [width, wide],
      [wide, width],
      [width, 10],
    ],
    flops:
      tokens * (2 * dense(blockShape.pixels, width) + 3 * (4 * dense(width, width) + 2 * dense(width, wide))) +
      3 * (2 * tokens * dense(width, tokens) + dense(width, 10)),
  },
};

export function netWorkload(net: NetName, batch: number): NetWorkload {
  const params = nets[net].kernels.flatMap((shape): readonly NetParam[] => {
    const [outputs = 1, inputs = 1, ...window] = shape.toReversed();
    const places = window.reduce((product, size) => product * size, 1);
    return [
      { shape, limit: Math.sqrt(6 / (places * (inputs + outputs))) },
      { shape: [outputs], limit: 0 },
    ];
  });
  return { kind: "net", net, batch, params };
}

export function netTitle({ net, batch }: NetWorkload): string {
  if (net === "lstm") return `lstm ${memory}x${steps}x${batch}`;
  if (net === "block") return `block ${blockShape.heads}x${width}x${tokens}x${batch}`;
  return `${net} ${batch}`;
}

export function netFlops({ net, batch }: NetWorkload): number {
  return batch * nets[net].flops;
}

/** Starting weights: `numbers` are in [-0.5, 0.5). */
export function netWeights({ params }: NetWorkload, numbers: Float32Array): readonly Float32Array[] {
  let from = 0;
  return params.map(({ shape, limit }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    from += count;
    return numbers.slice(from - count, from).map((number) => 2 * limit * number);
  });
}
