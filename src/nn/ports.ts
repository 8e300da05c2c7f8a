/**
 * Ports: the inputs or outputs of a model, and whatever there is one of for each: one without a name, or several by name.
 *
 *   Ports.from([784], isShape)                          one           tree(): [784]
 *   Ports.from({ image: [784], size: [4] }, isShape)    two by name   tree(): { image: [784], size: [4] }
 *
 * What a user gives for ports (arrays to feed, losses) has the same form, and `match` says where it has not. Names are keys of
 * Maps inside, so `__proto__` is one like any other.
 */

import { UserError } from "../core/errors.ts";
import { isPlainObject } from "../core/records.ts";
import { joinPath } from "../dsl/tree.ts";

export class Ports<T> {
  /** The key of the only port is "". */
  readonly #values: ReadonlyMap<string, T>;
  readonly isSingle: boolean;

  private constructor(values: ReadonlyMap<string, T>, isSingle: boolean) {
    this.#values = values;
    this.isSingle = isSingle;
  }

  static single<T>(value: T): Ports<T> {
    return new Ports(new Map([["", value]]), true);
  }

  static named<T>(values: Iterable<readonly [string, T]>): Ports<T> {
    return new Ports(new Map(values), false);
  }

  /** One value, or an object of several. */
  static from<T>(given: T | Readonly<Record<string, T>>, isOne: (value: unknown) => value is T): Ports<T> {
    return isOne(given) ? Ports.single(given) : Ports.named(Object.entries<T>(given));
  }

  /** Names, for several; the name of the only one is "". */
  get names(): readonly string[] {
    return [...this.#values.keys()];
  }

  get values(): readonly T[] {
    return [...this.#values.values()];
  }

  entries(): readonly (readonly [string, T])[] {
    return [...this.#values];
  }

  get(name: string): T {
    for (const [known, value] of this.#values) if (known === name) return value;
    throw new UserError(`there is no port "${name}"`);
  }

  map<U>(change: (value: T, name: string) => U): Ports<U> {
    const changed = new Map<string, U>();
    for (const [name, value] of this.#values) changed.set(name, change(value, name));
    return new Ports(changed, this.isSingle);
  }

  /** The value itself, or an object of the values. */
  tree(): T | Readonly<Record<string, T>> {
    return this.isSingle ? this.get("") : Object.fromEntries(this.#values);
  }

  /** The path below `root`: "x", or "x.image". */
  path(root: string, name: string): string {
    return this.isSingle ? root : joinPath(root, name);
  }

  /**
   * What a user gave for these ports, whatever that is: for one the value itself, for several an object. Throws a UserError that begins
   * with `what` ("fit: y") where a name is missing or unknown. With `partial` names may be missing, and give undefined.
   */
  match(given: unknown, what: string, partial = false): Ports<unknown> {
    if (this.isSingle) return Ports.single(given);
    const known = this.names.join(", ");
    if (!isPlainObject(given)) throw new UserError(`${what} must be an object with one value each for ${known}`);
    for (const name of Object.keys(given)) {
      if (!this.#values.has(name))
        throw new UserError(`${what} has "${name}", which the model has not (it has: ${known})`);
    }
    return this.map((_, name) => {
      if (Object.hasOwn(given, name)) return given[name];
      if (partial) return undefined;
      throw new UserError(`${what} lacks "${name}": it must have ${known}`);
    });
  }
}
