/**
 * A program that two systems can be given: a list of inputs and of instructions, as JSON. build.ts makes a tensorloom program
 * of it, torch_answers.py a PyTorch one; each reads the names by itself, so that neither can copy the other's mistake.
 *
 *   { inputs: [{ shape: [3, 2], low: -1, high: 1 }], instructions: [{ op: "tanh", of: [0], attrs: {} }, { op: "sum", of: [1], attrs: { axes: [0], keep: false } }] }
 *
 * Values are numbered: the inputs first, then what each instruction gives. Asked for are
 *   y    the last value
 *   g    the derivatives of loss = sum(y * weights) by each input, and by one value in between (`by`)
 *   h    the derivatives of sum(g * weights) over all inputs, by each input: a Hessian times a vector
 * all in float64.
 */
export interface RecipeInput {
  readonly shape: readonly number[];
  /** Floats are drawn between these; whole numbers are listed. */
  readonly values: readonly number[];
  readonly whole: boolean;
}

export type Attrs = Readonly<
  Record<string, number | boolean | string | readonly number[] | readonly (readonly number[])[]>
>;

export interface Instruction {
  readonly op: string;
  readonly of: readonly number[];
  readonly attrs: Attrs;
}

export interface Recipe {
  readonly inputs: readonly RecipeInput[];
  readonly instructions: readonly Instruction[];
  /** A value in between that the loss is also differentiated by. */
  readonly by: number;
}

/** What either system answers: the shape of y, and every number asked for as its sum under weights. */
export interface Answer {
  readonly shape: readonly number[];
  readonly y: number;
  readonly by: number;
  readonly g: readonly number[];
  readonly h: readonly number[];
}

/** The weights that tensors are summed under: no two alike, none zero, both signs. */
export function weight(index: number): number {
  return Math.cos(0.9 * index + 0.4);
}

/** A tensor as one number, and how large its terms are. */
export function weighted(values: ArrayLike<number>): { readonly sum: number; readonly size: number } {
  let sum = 0;
  let size = 0;
  for (let i = 0; i < values.length; i++) {
    const term = Number(values[i]) * weight(i);
    sum += term;
    size += Math.abs(term);
  }
  return { sum, size };
}
