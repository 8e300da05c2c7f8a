/** Names as JavaScript and files have them: what a program calls things may be any text. */

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** A property's name in an object literal. `__proto__` would be none there. */
export function propertyKey(name: string): string {
  if (name === "__proto__") return '["__proto__"]';
  return identifier.test(name) ? name : JSON.stringify(name);
}

/** A property's name in a type. */
export function typeKey(name: string): string {
  return identifier.test(name) ? name : JSON.stringify(name);
}

/** The name with its odd characters left out. */
export function plain(name: string, otherwise: string): string {
  const found = name.replaceAll(/\W+/g, "_").replaceAll(/^_+|_+$/g, "");
  return found === "" ? otherwise : found;
}

/** "predict_one" becomes PredictOne. */
export function pascal(name: string): string {
  const words = plain(name, "entry")
    .split("_")
    .filter((word) => word !== "");
  const found = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^\d/.test(found) ? `Entry${found}` : found;
}

/** Names that differ from each other, and from those that are taken, by more than case: files do not always. */
export class Unlike {
  readonly #taken: Set<string>;

  constructor(taken: readonly string[] = []) {
    this.#taken = new Set(taken.map((name) => name.toLowerCase()));
  }

  name(wanted: string): string {
    let found = wanted;
    for (let i = 2; this.#taken.has(found.toLowerCase()); i++) found = `${wanted}${i}`;
    this.#taken.add(found.toLowerCase());
    return found;
  }
}
