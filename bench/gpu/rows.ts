/**
 * What `npm run bench:gpu` measures, as data: every system gets the same shapes and numbers (see numbers.ts).
 *
 *   steps     `calls` training steps of a dense net with RMSprop. resident: one batch lies on the device. fed: each step has a batch
 *             of its own, from the host. reads: the loss of each step is a number on the host before the next begins
 *   product   c = a b, square
 *   array     an op on one array, or two, `calls` times; products are those of a batch of small matrices, [products, side, side]
 *   epoch     `fit` of the main job, once over its images
 *
 * One timing is all calls of a row and ends when the last result is there. The floor is measured beside the systems in the same
 * match, by kernels written by hand (by-hand.ts): a copy that moves as many bytes as the op must, or a product.
 *
 * Sizes are those of a graphics card; `software` rows are for a driver that computes on the CPU, a hundred times as slow, and
 * `tiny` ones only show that everything runs.
 */

export type Scale = "card" | "software" | "tiny";
export type ArrayOp = "add" | "softmax" | "layerNorm" | "sum" | "sumAxis0" | "argMax" | "products";

export interface StepsWorkload {
  readonly kind: "steps";
  readonly inputs: number;
  readonly hidden: number;
  readonly batch: number;
  readonly data: "resident" | "fed";
  readonly reads: boolean;
  readonly calls: number;
}
export interface ProductWorkload {
  readonly kind: "product";
  readonly n: number;
  readonly precision: "f32" | "mixed";
  readonly calls: number;
}
export interface ArrayWorkload {
  readonly kind: "array";
  readonly op: ArrayOp;
  readonly shape: readonly [rows: number, columns: number, side?: number];
  readonly calls: number;
}
export interface EpochWorkload {
  readonly kind: "epoch";
  readonly images: number;
  readonly batch: number;
  readonly calls: 1;
}
/** What the process of kernels by hand does. */
export type HandWorkload =
  | { readonly kind: "copy"; readonly bytes: number; readonly calls: number }
  | { readonly kind: "handProduct"; readonly n: number; readonly calls: number };
export type OwnWorkload = StepsWorkload | ProductWorkload | ArrayWorkload | EpochWorkload;
export type GpuWorkload = OwnWorkload | HandWorkload;

export interface Row {
  readonly title: string;
  /** What is smaller here than on a card. */
  readonly note?: string;
  readonly workload: OwnWorkload;
  /** Of one call: multiplications and additions, or bytes that must be read and written. */
  readonly work: Work;
  /** Measured beside it. Its own work is that of one call, too. */
  readonly hand: { readonly workload: HandWorkload; readonly work: Work };
  /** With `--against`: the largest new / old that will do. */
  readonly limit: number;
}
export interface Work {
  readonly unit: "flop" | "byte";
  readonly amount: number;
}

export const classes = 10;
/** Nothing may become slower than this, as a part of the time before. */
const kept = 1.05;
/**
 * A sum of all elements in one invocation is what splitting it is held against; steps of a small net in a submit each likewise. On SwiftShader
 * one invocation has a core for itself, 12 ms for 4 M, and the loads of any kernel take 4 of all cores together: on two cores a sixth is
 * the floor, and ours takes 5.6 ms of CPU time.
 */
export const goals = { sum: { card: 1 / 20, software: 1 / 3, tiny: 1 / 3 }, smallSteps: 1 / 1.3 } as const;

type Sized<T> = Readonly<Record<Scale, T>>;

/** The rows of the table at one scale. */
export function rowsAt(scale: Scale): readonly Row[] {
  const product = { card: 1024, software: 128, tiny: 64 } satisfies Sized<number>;
  const steps = (title: string, sizes: Sized<StepsWorkload>, limit: number = kept): Row =>
    row(
      scale,
      title,
      sizes,
      ({ inputs, hidden, batch }) => `${inputs}-${hidden}-${classes}, batch ${batch}`,
      stepFlops,
      () => product[scale],
      limit,
    );
  const products = (title: string, n: Sized<number>, precision: "f32" | "mixed"): Row => {
    const sizes = mapScales(n, (n, { calls }): ProductWorkload => ({ kind: "product", n, precision, calls }));
    return row(
      scale,
      title,
      sizes,
      ({ n }) => `${n}x${n}`,
      ({ n }) => ({ unit: "flop", amount: 2 * n ** 3 }),
      ({ n }) => n,
    );
  };
  const array = (title: string, op: ArrayOp, shapes: Sized<ArrayWorkload["shape"]>, limit: number = kept): Row => {
    const sizes = mapScales(shapes, (shape, { calls }): ArrayWorkload => ({ kind: "array", op, shape, calls }));
    return row(
      scale,
      title,
      sizes,
      ({ shape }) => shape.join("x"),
      arrayBytes,
      () => 0,
      limit,
    );
  };
  const main = { kind: "steps", inputs: 784, hidden: 512 } as const;
  const small = { kind: "steps", inputs: 8, hidden: 8, batch: 8, data: "resident", reads: false } as const;
  const resident = { ...main, data: "resident", reads: false } as const;
  const fed = { ...main, data: "fed" } as const;
  const wide = { card: [16384, 4096], software: [2048, 512], tiny: [64, 128] } as const;
  const epoch = mapScales({ card: 60_000, software: 256, tiny: 128 }, (images): EpochWorkload => ({ kind: "epoch", images, batch: 128, calls: 1 })); // biome-ignore format: one row
  return [
    steps("step 784-512-10, batch 128, resident", {
      card: { ...resident, batch: 128, calls: 256 },
      software: { ...resident, batch: 32, calls: 2 },
      tiny: { ...small, calls: 2 },
    }),
    steps("step 784-512-10, batch 128, fed, loss read", {
      card: { ...fed, reads: true, batch: 128, calls: 32 },
      software: { ...fed, reads: true, batch: 32, calls: 2 },
      tiny: { ...small, data: "fed", reads: true, calls: 2 },
    }),
    steps("step 784-512-10, batch 4096, fed", {
      card: { ...fed, reads: false, batch: 4096, calls: 8 },
      software: { ...fed, reads: false, batch: 128, calls: 2 },
      tiny: { ...small, data: "fed", batch: 64, calls: 2 },
    }),
    steps("step 784-512-10, batch 4096, resident", {
      card: { ...resident, batch: 4096, calls: 16 },
      software: { ...resident, batch: 128, calls: 2 },
      tiny: { ...small, batch: 64, calls: 2 },
    }),
    steps(
      "step 8-8-10, batch 8, resident",
      mapScales({ card: 256, software: 256, tiny: 2 }, (calls) => ({ ...small, calls })),
      goals.smallSteps,
    ),
    products("product 4096x4096, f32", { card: 4096, software: 256, tiny: 64 }, "f32"),
    products("product 1024x1024, f32", { card: 1024, software: 128, tiny: 64 }, "f32"),
    products("product 4096x4096, mixed", { card: 4096, software: 256, tiny: 64 }, "mixed"),
    array("add 16384x4096", "add", wide),
    array("softmax of rows 16384x4096", "softmax", wide),
    array("layer norm of rows 16384x4096", "layerNorm", wide),
    array("sum of 4 M", "sum", { card: [2048, 2048], software: [2048, 2048], tiny: [64, 128] }, goals.sum[scale]),
    array("sum of 64 M", "sum", { card: [16384, 4096], software: [4096, 2048], tiny: [128, 128] }, goals.sum[scale]),
    array("sum over axis 0 of 16384x4096", "sumAxis0", wide),
    array("arg-max of rows 16384x4096", "argMax", wide),
    array("65536 products 8x8", "products", { card: [65536, 8, 8], software: [4096, 8, 8], tiny: [33, 8, 8] }),
    array("16384 products 16x16", "products", { card: [16384, 16, 16], software: [1024, 16, 16], tiny: [9, 16, 16] }),
    row(
      scale,
      "epoch of the main job",
      epoch,
      ({ images }) => `${images} images`,
      epochFlops,
      () => product[scale],
    ),
  ];
}

/** One row: its work, what is by hand beside it, and what is smaller than on a card. `side` is that of the product by hand. */
function row<W extends OwnWorkload>(
  scale: Scale,
  title: string,
  sizes: Sized<W>,
  sizeOf: (workload: W) => string,
  workOf: (workload: W) => Work,
  side: (workload: W) => number,
  limit: number = kept,
): Row {
  const workload = sizes[scale];
  const work = workOf(workload);
  const isSmaller = sizeOf(workload) !== sizeOf(sizes.card);
  const n = side(workload);
  return {
    title,
    workload,
    work,
    hand:
      work.unit === "byte"
        ? { workload: { kind: "copy", bytes: work.amount, calls: workload.calls }, work }
        : {
            workload: { kind: "handProduct", n, calls: workload.kind === "product" ? workload.calls : callsOf[scale] },
            work: { unit: "flop", amount: 2 * n ** 3 },
          },
    limit,
    ...(isSmaller ? { note: sizeOf(workload) } : {}),
  };
}

/** Calls of what takes a fraction of a millisecond on a card. */
const callsOf: Sized<number> = { card: 16, software: 2, tiny: 2 };

function mapScales<T, W>(sizes: Sized<T>, make: (size: T, of: { readonly calls: number }) => W): Sized<W> {
  const made = (scale: Scale): W => make(sizes[scale], { calls: callsOf[scale] });
  return { card: made("card"), software: made("software"), tiny: made("tiny") };
}

/** Forward and weight gradient of both layers, and the gradient of the hidden layer. */
function stepFlops({ inputs, hidden, batch }: Pick<StepsWorkload, "inputs" | "hidden" | "batch">): Work {
  return { unit: "flop", amount: batch * (4 * inputs * hidden + 6 * hidden * classes) };
}

function epochFlops({ images, batch }: EpochWorkload): Work {
  const { amount } = stepFlops({ inputs: 784, hidden: 512, batch });
  return { unit: "flop", amount: amount * Math.ceil(images / batch) };
}

/** Shapes of the operands, by name: "a", and "b" where there are two. */
export function operandsOf(workload: ProductWorkload | ArrayWorkload): Readonly<Record<string, readonly number[]>> {
  if (workload.kind === "product") return { a: [workload.n, workload.n], b: [workload.n, workload.n] };
  const shape = workload.shape.filter((size) => size !== undefined);
  return workload.op === "add" || workload.op === "products" ? { a: shape, b: shape } : { a: shape };
}

/** Operands read once and the result written once. */
function arrayBytes({ op, shape: [rows, columns, side = 1] }: ArrayWorkload): Work {
  const elements = {
    add: 3 * rows * columns,
    softmax: 2 * rows * columns,
    layerNorm: 2 * rows * columns,
    sum: rows * columns,
    sumAxis0: rows * columns + columns,
    argMax: rows * columns + rows,
    products: 3 * rows * columns * side,
  }[op];
  return { unit: "byte", amount: 4 * elements };
}
