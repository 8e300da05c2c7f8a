/**
 * Names that are legal wherever they stand, in dumps and in generated JavaScript, WGSL and C: [A-Za-z][A-Za-z0-9_]*, each given once.
 *
 *   model.dense1.kernel   ->  model_dense1_kernel        größe  ->  grosse        σ  ->  sigma        hidden, again  ->  hidden_2
 *
 * Words that a language keeps for itself (`class`, `loop`) are allowed: its printer spells them another way.
 */

/** Greek letters are what people who write formulas call their variables. */
const greek: Readonly<Record<string, string>> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  δ: "delta",
  ε: "epsilon",
  ζ: "zeta",
  η: "eta",
  θ: "theta",
  ι: "iota",
  κ: "kappa",
  λ: "lambda",
  μ: "mu",
  ν: "nu",
  ξ: "xi",
  ο: "omicron",
  π: "pi",
  ρ: "rho",
  σ: "sigma",
  ς: "sigma",
  τ: "tau",
  υ: "upsilon",
  φ: "phi",
  χ: "chi",
  ψ: "psi",
  ω: "omega",
};

/** As much as a line of a dump, or a box of a picture, has room for. */
const longest = 48;

/** The identifier that a name of the user's becomes; null where nothing of it can be one. */
export function identifierOf(name: string): string | null {
  const latin = [...name.replaceAll("ß", "ss").normalize("NFKD")].map((letter) => {
    const spelt = greek[letter.toLowerCase()];
    if (spelt === undefined) return letter;
    return letter === letter.toLowerCase() ? spelt : spelt.replace(/^./, (first) => first.toUpperCase());
  });
  const plain = latin
    .join("")
    .replace(/\p{Mark}/gu, "")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .slice(0, longest)
    .replace(/^_+|_+$/g, "");
  if (plain === "") return null;
  return /^[A-Za-z]/.test(plain) ? plain : `v_${plain}`;
}

/** The identifiers of one entry. */
export class Identifiers {
  readonly #taken = new Set<string>();
  /** The next number to try for each name. */
  readonly #next = new Map<string, number>();

  /** `wanted`, where it is free; else wanted_2, wanted_3. */
  fresh(wanted: string): string {
    if (!this.#taken.has(wanted)) {
      this.#taken.add(wanted);
      return wanted;
    }
    return this.#numbered(wanted, 2);
  }

  /** Elements of something: hs_0, hs_1. */
  element(of: string): string {
    return this.#numbered(of, 0);
  }

  #numbered(stem: string, first: number): string {
    let n = this.#next.get(stem) ?? first;
    while (this.#taken.has(`${stem}_${n}`)) n += 1;
    this.#next.set(stem, n + 1);
    const name = `${stem}_${n}`;
    this.#taken.add(name);
    return name;
  }
}
