/**
 * Names for generated code: `[a-z0-9_]`, made from the user's names and never equal to them by accident, unique, and the
 * same in every run.
 */
export class Names {
  readonly #taken = new Set<string>();
  /** The next number to try for each stem. */
  readonly #next = new Map<string, number>();

  /** A name that resembles the hint: "model.W1" -> "model_w1", the second time "model_w1_2". */
  fresh(hint: string): string {
    const known = this.#next.get(hint);
    const start = known !== undefined || isClean(hint) ? hint : cleaned(hint);
    let name = start;
    let n = known ?? this.#next.get(start) ?? 2;
    for (; this.#taken.has(name); n++) name = `${start}_${n}`;
    this.#next.set(start, n);
    this.#taken.add(name);
    return name;
  }
}

function isClean(hint: string): boolean {
  return hint.length <= 40 && /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(hint);
}

function cleaned(hint: string): string {
  const clean = hint
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return /^[a-z]/.test(clean) ? clean.slice(0, 40) : `v_${clean}`.slice(0, 40);
}
