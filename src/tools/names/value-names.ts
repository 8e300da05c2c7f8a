/**
 * What the user calls the values that a chain of calls made, from the function of the entry inwards:
 *
 *   train: const hidden = block(x)   ->   block: const h = relu(x); return h        "hidden", and "h" inside
 *
 * Whoever called a function knows more of its result than the function does, so the outermost name is taken.
 */
import type { Call } from "../../core/origin.ts";
import { type Assigned, assigned, type Path } from "./assigned.ts";
import type { Sources } from "./sources.ts";
import type { ts } from "./typescript.ts";

export interface ValueName {
  /** As the user wrote it. */
  readonly name: string;
  /** Whether the value is one of several in what is called so. */
  readonly isElement: boolean;
  /** What the function calls it that made it, where `name` is its caller's and it has one of its own. */
  readonly own: string | null;
  /** Whether it is what a `reduce` gives: what was made before the last round has no name but its own. */
  readonly isFolded: boolean;
}

/** What the result of the innermost call is called, or the part of it at `path`; null where it has no name. */
export function nameOfResult(calls: readonly Call[], path: Path, sources: Sources): ValueName | null {
  let at = path;
  let isElement = false;
  let isFolded = false;
  let best: ValueName | null = null;
  for (let i = calls.length - 1; i >= 0; i -= 1) {
    const found = resultOf(calls[i], at, sources);
    if (found === null) break;
    isElement ||= found.isElement;
    if (found.name !== null) {
      best = { name: found.name, isElement, isFolded, own: best === null ? null : (best.own ?? best.name) };
    }
    if (found.returned === null) break;
    at = found.returned;
    const next = calls[i - 1];
    if (next === undefined) break; // what an entry returns has names of its own, as results
    const through = passedOn(next, sources);
    if (through === null) {
      best ??= keyed(at, isElement); // what a function of ours was given returns: { carry, output }
      break;
    }
    isElement ||= through === "element";
    isFolded ||= through === "fold";
  }
  return best;
}

/** Into how many parts `const [a, b] = f(x)` takes the result; null where it does not. */
export function partsOfResult(calls: readonly Call[], sources: Sources): number | null {
  return resultOf(calls.at(-1), [], sources)?.parts ?? null;
}

function resultOf(call: Call | undefined, path: Path, sources: Sources): Assigned | null {
  const expression = call === undefined ? null : sources.callAt(call.place);
  return expression === null || sources.typeScript === null ? null : assigned(sources.typeScript, expression, path);
}

/** What is returned has no other name than its key in what is returned. */
function keyed(path: Path, isElement: boolean): ValueName | null {
  const key = path.findLast((step) => typeof step === "string");
  return typeof key === "string" ? { name: key, isElement, isFolded: false, own: null } : null;
}

/** Methods of arrays whose result has an element for each that the function gave. */
const collecting: ReadonlySet<string> = new Set(["map", "flatMap", "from"]);
/** Those whose result is what the function gave in the last round. */
const folding: ReadonlySet<string> = new Set(["reduce", "reduceRight"]);
/** Functions of ours whose result is what the function gave. */
const handingOn: ReadonlySet<string> = new Set(["checkpoint"]);
const handingNothing: ReadonlySet<string> = new Set(["forEach", "filter", "sort", "toSorted", "some", "every", "find"]);

/** What a call makes of what the function that it leads to returns: the same, an element of it, or something else. */
function passedOn({ place, isOurs }: Call, sources: Sources): "same" | "element" | "fold" | null {
  const expression = sources.callAt(place);
  const name = expression === null || sources.typeScript === null ? null : calledName(sources.typeScript, expression);
  if (name !== null && collecting.has(name)) return "element";
  if (name !== null && folding.has(name)) return "fold";
  if (name !== null && handingNothing.has(name)) return null;
  return !isOurs || (name !== null && handingOn.has(name)) ? "same" : null;
}

function calledName(typeScript: typeof ts, call: ts.Expression): string | null {
  if (!typeScript.isCallExpression(call)) return null;
  const { expression } = call;
  if (typeScript.isPropertyAccessExpression(expression)) return expression.name.text;
  return typeScript.isIdentifier(expression) ? expression.text : null;
}
