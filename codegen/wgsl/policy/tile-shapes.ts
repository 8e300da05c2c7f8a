/**
 * The tiles that contractions may take, the best first: more registers per invocation mean fewer loads per product, and fewer workgroups.
 *
 * A card. On an H100 (132 processors, each with room for 2,048 invocations) through Dawn, kernels by hand with blocks of 64 x 64 and
 * registers of 8 x 4 reached 38.3 TFLOP/s on 4096 x 4096 x 4096 with tiles 8 deep and loaded ahead, and 32.4 16 deep; on 1024 x 1024 x 1024,
 * which is 256 workgroups, 21.7 and 23.5. Registers of 8 x 8 and blocks of 128 rows were slower on both. What is smaller was not
 * measured. Its rows go by an estimate: a tile costs an invocation its loads, 0.7 us, or less where they are ahead, and its products, one
 * tile after the other; 128 x 512 x 784 is 64 workgroups of 32 x 32, so half of the processors would go through 49 tiles 16 deep with two
 * subgroups each. Sliced by 4 these are 25 tiles, and eight subgroups. With more than two workgroups for each processor it gains nothing.
 */

/** ny x nx invocations, each with a block of rm x rn outputs; `depth` values of k are staged at a time. */
export interface TileShape {
  readonly ny: number;
  readonly nx: number;
  readonly rm: number;
  readonly rn: number;
  readonly depth: number;
  /** What these are: moves/tile.ts. An invocation's columns lie side by side where it is wide. */
  readonly wide?: number;
  readonly ahead?: boolean;
  /** Where there is memory for it. */
  readonly twice?: boolean;
  readonly slices?: number;
  /** Of a batch, in a workgroup. */
  readonly products?: number;
  /** Workgroups that there must be at least, and may be at most. */
  readonly least: number;
  readonly most?: number;
  /** Terms of a sum at least. */
  readonly leastTerms?: number;
  readonly why: string;
}

const staged = { wide: 4, ahead: true, twice: true } as const;
const sliced = { ...staged, least: 16, most: 256, leastTerms: 128 } as const;

export const cardTiles: readonly TileShape[] = [
  { ny: 8, nx: 16, rm: 8, rn: 4, depth: 8, ...staged, least: 512, why: "2.7 products for each word that is read" },
  {
    ny: 8,
    nx: 16,
    rm: 8,
    rn: 4,
    depth: 16,
    wide: 4,
    twice: true,
    least: 128,
    why: "fewer groups: half of the barriers",
  },
  {
    ny: 8,
    nx: 8,
    rm: 4,
    rn: 4,
    depth: 32,
    ...sliced,
    slices: 4,
    why: "2 products for each word; wide for its outputs",
  },
  { ny: 8, nx: 8, rm: 4, rn: 4, depth: 16, ...staged, least: 32, why: "the same, with groups enough or few terms" },
  { ny: 16, nx: 16, rm: 4, rn: 4, depth: 16, ...staged, least: 96, why: "beside a nest that wants workgroups of 256" },
  { ny: 8, nx: 4, rm: 4, rn: 4, depth: 32, ...sliced, slices: 4, why: "few columns, as there are of classes" },
  {
    ny: 16,
    nx: 4,
    rm: 4,
    rn: 4,
    depth: 16,
    ...staged,
    least: 128,
    why: "few columns of very many rows, or of few terms",
  },
  { ny: 4, nx: 4, rm: 4, rn: 4, depth: 32, ...sliced, slices: 8, why: "small outputs" },
  { ny: 8, nx: 8, rm: 2, rn: 2, depth: 16, least: 1, why: "short k: a tree would not pay" },
  { ny: 16, nx: 16, rm: 2, rn: 2, depth: 16, least: 1, why: "the same, of small outputs" },
];

/** Of a workgroup. */
export function invocationsOf({ ny, nx, slices = 1, products = 1 }: TileShape): number {
  return ny * nx * slices * products;
}

/** Of workgroup memory: of both factors, and of the sums that half of the slices hand on. */
export function tileBytes({
  ny,
  nx,
  rm,
  rn,
  depth,
  wide = 1,
  twice = false,
  slices = 1,
  products = 1,
}: TileShape): number {
  const tiles = (twice ? 2 : 1) * depth * (products * (ny * rm + nx * rn) + 2 * wide);
  return 4 * (tiles + Math.floor(slices / 2) * ny * nx * rm * rn);
}

/** rm rows x rn columns of the output in the registers of an invocation, whose factors it loads by itself. */
export interface BlockShape {
  readonly rm: number;
  readonly rn: number;
}

export const noBlocks: readonly BlockShape[] = [];

/**
 * A driver that computes on a CPU: barriers and workgroup memory cost it most, and compiling both. SwiftShader goes through 4 invocations
 * at a time, for which a load is a gather of 14 cycles from workgroup memory as from any other, and a product 2 or 3. 256 x 256 x 256 took
 * 39 ms of CPU in tiles of 32 x 32 and 6 s to compile; 15.6, 12.4 and 10.3 in blocks of 4 x 4, 8 x 4 and 8 x 8, and 0.15 s. Blocks of
 * 8 x 16 take 9.2, and 0.4 s.
 */
export const softwareBlocks: readonly BlockShape[] = [8, 4, 2, 1].flatMap((rm) =>
  [8, 4, 2, 1].map((rn) => ({ rm, rn })),
);
