/**
 * Regions of a WebAssembly memory: which addresses are taken. First fit over a list of what is free; neighbours that are
 * both free become one. It only counts; wasm-memory.ts makes the memory as large as `end` says.
 */
import { CompilerBug } from "../../core/errors.ts";

/** Addresses and sizes of regions are multiples of this: a cache line, so that threads do not share one by accident. */
const alignment = 64;

interface Span {
  readonly address: number;
  readonly bytes: number;
}

export class Regions {
  /** By address, none touching the next. What lies behind `end` is free too. */
  readonly #free: Span[] = [];
  readonly #taken = new Map<number, number>();
  #end: number;

  /** Regions begin at `start` or above. */
  constructor(start: number) {
    this.#end = aligned(start);
  }

  /** The first address above all regions. */
  get end(): number {
    return this.#end;
  }

  /** The address of `bytes` bytes (at least 1) that are nobody else's until `free`. */
  take(bytes: number): number {
    const size = aligned(Math.max(bytes, 1));
    const i = this.#free.findIndex((span) => span.bytes >= size);
    const found = this.#free[i];
    const address = found?.address ?? this.#end;
    if (found === undefined) this.#end += size;
    else {
      const rest = { address: found.address + size, bytes: found.bytes - size };
      this.#free.splice(i, 1, ...(rest.bytes > 0 ? [rest] : []));
    }
    this.#taken.set(address, size);
    return address;
  }

  /** Gives back what `take` gave; anything else is a `CompilerBug`. */
  free(address: number): void {
    const bytes = this.#taken.get(address);
    if (bytes === undefined) throw new CompilerBug(`the wasm memory has no region at ${address}`);
    this.#taken.delete(address);
    const i = this.#free.findIndex((span) => span.address > address);
    const at = i < 0 ? this.#free.length : i;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const joinsBefore = before !== undefined && before.address + before.bytes === address;
    const joinsAfter = after !== undefined && address + bytes === after.address;
    const start = joinsBefore ? before.address : address;
    const stop = joinsAfter ? after.address + after.bytes : address + bytes;
    const [from, count] = [joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter)];
    if (stop === this.#end) {
      this.#end = start;
      this.#free.splice(from, count);
    } else this.#free.splice(from, count, { address: start, bytes: stop - start });
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Scratch that entries share: one region serves every entry that it is large enough for, as only one runs at a time. */
export class SharedRegions {
  readonly #regions: Regions;
  readonly #kept: { readonly address: number; readonly bytes: number; users: number }[] = [];

  constructor(regions: Regions) {
    this.#regions = regions;
  }

  /** Bytes asked for of the regions there are. */
  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The address of at least `bytes` bytes, which other users may overwrite between one's runs. */
  take(bytes: number): number {
    if (bytes === 0) return 0;
    let found = this.#kept.find((kept) => kept.bytes >= bytes);
    if (found === undefined) {
      found = { address: this.#regions.take(bytes), bytes, users: 0 };
      this.#kept.push(found);
    }
    found.users += 1;
    return found.address;
  }

  /** Undoes one `take`; the region is free when nobody uses it any more. */
  free(address: number): void {
    const i = this.#kept.findIndex((kept) => kept.address === address);
    const found = this.#kept[i];
    if (found === undefined) return; // of no bytes
    found.users -= 1;
    if (found.users > 0) return;
    this.#kept.splice(i, 1);
    this.#regions.free(address);
  }
}
