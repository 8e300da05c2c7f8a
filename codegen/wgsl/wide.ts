/**
 * Loads and stores of neighbours that are one access of up to 16 bytes.
 *
 *   let v_0 = x[4*i]                 let x_wide: vec4<f32> = x[i];
 *   y[4*i] = v_0 + 1         ->      let v_0 = x_wide.x; ...
 *   let v_1 = x[4*i + 1]             y[i] = vec4<f32>(y_0, y_1, y_2, y_3);
 *   y[4*i + 1] = v_1 + 1 ...
 *
 * A GPU moves 16 bytes of an invocation at the price of 4. Arithmetic stays scalar: its units are. So a schedule makes neighbours by
 * unrolling, and nothing in the kernel language says vector; here the printer is told which accesses it finds beside each other.
 *
 * An array is wide in all of a kernel or nowhere. One that is stored to only where all its stores are whole: WGSL may write all of a
 * vector for a component of it, so invocations that store to parts of one would race. Single loads of a wide array are loads of components.
 * Neighbours are those in one list of statements with no store between that might be to one of them. A barrier is one for workgroup
 * memory alone: what an invocation loads from a buffer no other one stores to.
 */
import type { DType } from "../../src/core/dtype.ts";
import { floorDivIndex, modIndex, splitOffset } from "../../src/kernel/index-expr.ts";
import type { Bound, Guard, Index, Kernel, Load, Stmt } from "../../src/kernel/kernel.ts";
import { ownExprs, readsAny, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { elementsPerWord } from "./layout.ts";

/** What is loaded at once: before statement `first` of its list, and held until `last`. */
export interface WideLoad {
  readonly array: string;
  /** In accesses, not elements. */
  readonly at: Index;
  readonly guard: Guard | undefined;
  readonly members: ReadonlyMap<Load, number>;
  readonly first: number;
  readonly last: number;
}

/** Stored where the last of its stores stands. */
export interface WideStore {
  readonly array: string;
  readonly at: Index;
  readonly guard: readonly Bound[];
  /** By lane. */
  readonly members: ReadonlyMap<number, StoreStmt>;
  readonly last: StoreStmt;
}

export type StoreStmt = Stmt & { readonly kind: "store" };

export interface WideBlock {
  readonly loads: readonly WideLoad[];
  readonly stores: ReadonlyMap<StoreStmt, WideStore>;
}

export interface Wide {
  /** Elements of an access; arrays that are not wide are not in it. */
  readonly lanes: ReadonlyMap<string, number>;
  /** By the list of statements. */
  readonly blocks: ReadonlyMap<readonly Stmt[], WideBlock>;
}

export const notWide: Wide = { lanes: new Map(), blocks: new Map() };

export function wideIn(kernel: Kernel): Wide {
  const lists = listsOf(kernel.nests.flatMap(({ prelude, body }) => [prelude, body]));
  const told = { changing: changingIn(lists), shared: new Set(kernel.shared.map(({ name }) => name)) };
  let lanes = widest(kernel, lists);
  for (;;) {
    if (lanes.size === 0) return notWide;
    const blocks = new Map(lists.map((list) => [list, new Finder(lanes, told).find(list)]));
    const next = narrower(lanes, [...blocks.values()], kernel);
    if (next === lanes) {
      const kept = [...blocks].filter(([, { loads, stores }]) => loads.length > 0 || stores.size > 0);
      return { lanes, blocks: new Map(kept) };
    }
    lanes = next;
  }
}

function listsOf(lists: readonly (readonly Stmt[])[]): readonly (readonly Stmt[])[] {
  return lists.flatMap((list) => [list, ...listsOf(list.flatMap((stmt) => ("body" in stmt ? [stmt.body] : [])))]);
}

/** Variables that are assigned to, and arrays that are stored to. */
function changingIn(lists: readonly (readonly Stmt[])[]): ReadonlySet<string> {
  const changing = new Set<string>();
  for (const stmt of lists.flat()) {
    if (stmt.kind === "store") changing.add(stmt.buffer);
    if (stmt.kind === "assign") changing.add(stmt.name);
  }
  return changing;
}

// ---- how wide --------------------------------------------------------------------------------------------------------

interface WideArray {
  readonly name: string;
  readonly element: DType;
  readonly count: number;
}

function arraysOf({ buffers, shared }: Kernel): readonly WideArray[] {
  const own = shared.flatMap(({ name, type, count }) => (type === "bool" ? [] : [{ name, element: type, count }]));
  return [...buffers, ...own];
}

/** The widest that each array could be: its elements fill the last access, and enough of its indexes are known to be neighbours. */
function widest(kernel: Kernel, lists: readonly (readonly Stmt[])[]): ReadonlyMap<string, number> {
  const places = new Map<string, Set<Index>>();
  const see = (array: string, at: Index): void => {
    const known = places.get(array) ?? new Set();
    places.set(array, known.add(at));
  };
  for (const stmt of lists.flat()) {
    if (stmt.kind === "store") see(stmt.buffer, stmt.at);
    for (const own of ownExprs(stmt)) {
      walkExpr(own, (expr) => {
        if (expr.kind === "load") see(expr.buffer, expr.at);
      });
    }
  }
  const lanes = new Map<string, number>();
  for (const array of arraysOf(kernel)) {
    const found = startFor(array, [...(places.get(array.name) ?? [])]);
    if (found !== undefined) lanes.set(array.name, found);
  }
  return lanes;
}

function startFor({ element, count }: WideArray, places: readonly Index[]): number | undefined {
  return widthsOf(element).find((lanes) => {
    const isKnown = (at: Index): boolean => modIndex(at, lanes).kind === "const";
    return count % lanes === 0 && places.length >= lanes && places.filter(isKnown).length >= lanes;
  });
}

/** Of 4, 2 and 1 words; a word of one element is no neighbours. */
function widthsOf(element: DType): readonly number[] {
  const each = elementsPerWord(element);
  return [4 * each, 2 * each, each].filter((lanes) => lanes > 1);
}

/** The same where all is well; else arrays that have stores of parts, or no neighbours at all, have shorter accesses or none. */
function narrower(
  lanes: ReadonlyMap<string, number>,
  blocks: readonly Found[],
  kernel: Kernel,
): ReadonlyMap<string, number> {
  const whole = new Set<string>();
  const parted = new Set<string>();
  for (const { loads, stores, isParted } of blocks) {
    for (const { array } of stores.values()) whole.add(array);
    for (const { array, members } of loads) if (new Set(members.values()).size === lanes.get(array)) whole.add(array);
    for (const array of isParted) parted.add(array);
  }
  const kept = new Map<string, number>();
  for (const { name, element, count } of arraysOf(kernel)) {
    const now = lanes.get(name);
    if (now === undefined) continue;
    const isWell = whole.has(name) && !parted.has(name);
    const next = isWell ? now : widthsOf(element).find((width) => width < now && count % width === 0);
    if (next !== undefined) kept.set(name, next);
  }
  return [...lanes].every(([name, width]) => kept.get(name) === width) ? lanes : kept;
}

// ---- neighbours in one list ------------------------------------------------------------------------------------------

interface OpenLoad extends WideLoad {
  readonly members: Map<Load, number>;
  last: number;
  /** Lanes that were stored to meanwhile. */
  readonly stale: Set<number>;
}

interface OpenStore {
  readonly array: string;
  readonly at: Index;
  readonly guard: readonly Bound[];
  readonly members: Map<number, StoreStmt>;
}

interface Found extends WideBlock {
  /** Arrays that are stored to in parts. */
  readonly isParted: ReadonlySet<string>;
}

class Finder {
  readonly #lanes: ReadonlyMap<string, number>;
  readonly #changing: ReadonlySet<string>;
  readonly #shared: ReadonlySet<string>;
  readonly #loads: OpenLoad[] = [];
  readonly #stores = new Map<StoreStmt, WideStore>();
  readonly #isParted = new Set<string>();
  readonly #openLoads = new Map<string, OpenLoad>();
  readonly #openStores = new Map<string, OpenStore>();

  constructor(
    lanes: ReadonlyMap<string, number>,
    { changing, shared }: { readonly changing: ReadonlySet<string>; readonly shared: ReadonlySet<string> },
  ) {
    this.#lanes = lanes;
    this.#changing = changing;
    this.#shared = shared;
  }

  find(list: readonly Stmt[]): Found {
    for (const [n, stmt] of list.entries()) {
      for (const own of ownExprs(stmt)) {
        walkExpr(own, (expr) => {
          if (expr.kind === "load") this.#load(expr, n);
        });
      }
      if (stmt.kind === "store") this.#store(stmt);
      else if (stmt.kind === "barrier") this.#end((array) => this.#shared.has(array));
      else if ("body" in stmt) this.#inner(stmt.body);
    }
    this.#end(() => true);
    const loads = this.#loads.filter(({ members }) => new Set(members.values()).size > 1);
    return { loads, stores: this.#stores, isParted: this.#isParted };
  }

  /** Which access, and which lane of it; undefined where that is not known, or not the same all the time. */
  #placeOf(array: string, index: Index): { readonly at: Index; readonly lane: number } | undefined {
    const lanes = this.#lanes.get(array) ?? 1;
    const lane = modIndex(index, lanes);
    return lane.kind !== "const" || readsAny(index, this.#changing)
      ? undefined
      : { at: floorDivIndex(index, lanes), lane: lane.value };
  }

  /** Whether a guard gives the same wherever it stands. */
  #isSteady({ bounds, otherwise }: Pick<Guard, "bounds"> & Partial<Guard> = { bounds: [] }): boolean {
    if (otherwise !== undefined && readsAny(otherwise, this.#changing)) return false;
    return bounds.every(({ index }) => !readsAny(index, this.#changing));
  }

  #load(expr: Load, n: number): void {
    if (!this.#lanes.has(expr.buffer)) return;
    const place = this.#placeOf(expr.buffer, expr.at);
    for (const [key, open] of this.#openStores) {
      if (open.array !== expr.buffer) continue;
      const isApart =
        place !== undefined && (open.at === place.at ? !open.members.has(place.lane) : areApart(open.at, place.at));
      if (!isApart) this.#part(key, open);
    }
    if (place === undefined || !this.#isSteady(expr.guard)) return;
    const key = `${expr.buffer} ${place.at.id} ${keyOf(expr.guard?.bounds ?? [])} ${expr.guard?.otherwise.id}`;
    let open = this.#openLoads.get(key);
    if (open?.stale.has(place.lane) === true) {
      // Loaded again after a store: each by itself.
      open.members.clear();
      open = undefined;
    }
    if (open === undefined) {
      open = {
        array: expr.buffer,
        at: place.at,
        guard: expr.guard,
        members: new Map(),
        first: n,
        last: n,
        stale: new Set(),
      };
      this.#openLoads.set(key, open);
      this.#loads.push(open);
    }
    open.members.set(expr, place.lane);
    open.last = n;
  }

  #store(stmt: StoreStmt): void {
    const lanes = this.#lanes.get(stmt.buffer);
    if (lanes === undefined) return;
    const place = this.#isSteady({ bounds: stmt.guard }) ? this.#placeOf(stmt.buffer, stmt.at) : undefined;
    for (const [key, open] of this.#openLoads) {
      if (open.array !== stmt.buffer) continue;
      if (place !== undefined && open.at === place.at) open.stale.add(place.lane);
      else if (place === undefined || !areApart(open.at, place.at)) this.#openLoads.delete(key);
    }
    const key = place === undefined ? "" : `${stmt.buffer} ${place.at.id} ${keyOf(stmt.guard)}`;
    for (const [other, open] of this.#openStores) {
      if (open.array !== stmt.buffer || other === key) continue;
      if (place === undefined || open.at === place.at || !areApart(open.at, place.at)) this.#part(other, open);
    }
    if (place === undefined) {
      this.#isParted.add(stmt.buffer);
      return;
    }
    const open = this.#openStores.get(key) ?? {
      array: stmt.buffer,
      at: place.at,
      guard: stmt.guard,
      members: new Map(),
    };
    if (open.members.has(place.lane)) this.#part(key, open);
    open.members.set(place.lane, stmt);
    this.#openStores.set(key, open);
    if (open.members.size < lanes) return;
    const whole: WideStore = { ...open, last: stmt };
    for (const member of open.members.values()) this.#stores.set(member, whole);
    this.#openStores.delete(key);
  }

  /** Statements inside of one: what they store or load stands between. */
  #inner(body: readonly Stmt[]): void {
    const stored = new Set<string>();
    const touched = new Set<string>();
    let isMet = false;
    walkStmts(body, {
      stmt: (stmt) => {
        if (stmt.kind === "barrier") isMet = true;
        if (stmt.kind === "store") stored.add(stmt.buffer);
      },
      expr: (expr) => {
        if (expr.kind === "load") touched.add(expr.buffer);
      },
    });
    this.#end(
      (array, isStale) => (isMet && this.#shared.has(array)) || stored.has(array) || (isStale && touched.has(array)),
    );
  }

  /** `isStale`: something was stored already that is not yet in memory, or not in what was loaded. */
  #end(ends: (array: string, isStale: boolean) => boolean): void {
    for (const [key, { array, stale }] of this.#openLoads) if (ends(array, stale.size > 0)) this.#openLoads.delete(key);
    for (const [key, open] of this.#openStores) if (ends(open.array, true)) this.#part(key, open);
  }

  /** Stores that do not become one. */
  #part(key: string, { array }: OpenStore): void {
    this.#isParted.add(array);
    this.#openStores.delete(key);
  }
}

/** Whether two indexes are never the same. */
function areApart(a: Index, b: Index): boolean {
  const [one, other] = [splitOffset(a), splitOffset(b)];
  return one.moving === other.moving && one.offset !== other.offset;
}

function keyOf(bounds: readonly Bound[]): string {
  const open = bounds.filter(({ index, extent }) => index.min < 0 || index.max >= extent);
  return open.map(({ index, extent }) => `${index.id}<${extent}`).join(",");
}
