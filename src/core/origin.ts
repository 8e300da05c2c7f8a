/**
 * Where in the user's file a node came from.
 *
 * An origin holds the Error that was made beside the node; its stack becomes text only when somebody prints it, so a graph
 * of thousands of nodes costs no string work.
 */
import { UserError } from "./errors.ts";

export interface Origin {
  /** What the user's code called, for messages: "matmul", "softmaxCrossEntropy". */
  readonly call: string;
  readonly trace: Error;
  /** The node belongs to a derivative of what was called: `differentiate` made it. */
  readonly derived?: true;
  /** The layer that it is in, by its path in the model: "dense1". Known when the layer has been applied. */
  layer?: string;
}

/** Remembers the call in progress. Deep enough for composites in layers in layers: what is not there costs nothing. */
export function here(call: string): Origin {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 64;
  const trace = new Error(call);
  Error.stackTraceLimit = limit;
  return { call, trace };
}

/** "file:line:column" of the user's frame, or null when there is none (an engine without stacks, a bundle without maps). */
export function userLine(origin: Origin): string | null {
  const frames = framesOf(origin);
  return frames[usersFrame(frames)]?.place ?? null;
}

/** What a line of a stack tells. */
interface Frame {
  readonly line: string;
  readonly place: string;
}

function framesOf({ trace: { stack } }: Origin): readonly Frame[] {
  return typeof stack === "string"
    ? stack.split("\n").flatMap((line) => placeIn(line).map((place) => ({ line, place })))
    : [];
}

/** The index of the first frame that is not ours, or -1. */
function usersFrame(frames: readonly Frame[]): number {
  const [own] = frames;
  if (own === undefined) return -1;
  const isOurs = ownFiles(own.place);
  return frames.findIndex(({ place }) => !isOurs(place) && !place.startsWith("node:"));
}

/** The place that a line of a stack names, as a person would write it: V8's "at name (place)", or "name@place". */
function placeIn(line: string): readonly string[] {
  // a place may hold spaces and parentheses
  const place =
    /^\s*at .*? \((.+:\d+:\d+)\)$/.exec(line)?.[1] ??
    /^\s*at (?:async )?(\S.*:\d+:\d+)$/.exec(line)?.[1] ??
    /^[^@]*@(\S.*:\d+:\d+)$/.exec(line)?.[1];
  if (place === undefined) return [];
  return [place.startsWith("file://") ? decoded(place.slice(7)).replace(/^\/(?=[A-Za-z]:)/, "") : place];
}

/** A folder's name may hold a % that stands for nothing else. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * Which places are ours, by the topmost one: `here` stands there, so it shows where this file lies in the terms of this very
 * stack, whatever source maps and bundlers made of them. In a bundle whose files have other names, everything in its folder
 * counts as ours: in the package that is right, in the user's own bundle their code may be in there too, and no line is better than
 * one of ours.
 */
function ownFiles(here: string): (place: string) => boolean {
  const file = fileOf(here);
  const root = /^(.*?)src\/core\/origin\.[cm]?[jt]s$/.exec(file)?.[1];
  if (root !== undefined) {
    const folders = ["src", "passes", "codegen"].map((name) => `${root}${name}/`);
    return (place) => folders.some((folder) => fileOf(place).startsWith(folder));
  }
  const folder = file.slice(0, file.lastIndexOf("/") + 1);
  return (place) => fileOf(place).startsWith(folder);
}

/** Without line, column and a server's query, and with one kind of slash. */
function fileOf(place: string): string {
  return place
    .replace(/:\d+:\d+$/, "")
    .replace(/\?[^/]*$/, "")
    .replaceAll("\\", "/");
}

/** "\n    at file:line:column", to be put at the end of an error message; empty when unknown. */
export function atLine(origin: Origin | undefined): string {
  const line = origin === undefined ? null : userLine(origin);
  return line === null ? "" : `\n    at ${line}`;
}

/**
 * A UserError that names no line gets that of the call in progress: for checks that stand far from it. For a `catch` of the call itself: a
 * function around what it does would be a frame more in the traces of all nodes.
 */
export function withLine(error: unknown, call: string | Origin): unknown {
  if (!(error instanceof UserError) || error.message.includes("\n    at ")) return error;
  const { message } = error;
  const [first = ""] = message.split("\n", 1);
  const end = first.endsWith(":") ? message.length : first.length; // a list goes before, advice behind
  error.message = message.slice(0, end) + atLine(typeof call === "string" ? here(call) : call) + message.slice(end);
  return error;
}

/** The same for what takes time: when it fails the call is in progress no more. */
export async function told<T>(call: string, work: () => T | PromiseLike<T>): Promise<T> {
  const origin = here(call);
  try {
    return await work();
  } catch (error) {
    throw withLine(error, origin);
  }
}

/**
 * What the user called, and inside it what went wrong: "huber: sub" where huber subtracts. The first is the name of our frame
 * next to the user's; where an engine does not tell, it is left out.
 */
export function inCall(origin: Origin): string {
  const frames = framesOf(origin);
  const outermost = frames[usersFrame(frames) - 1]?.line ?? "";
  const called = /^\s*at (?:async )?(?:\w+\.)?(\w+)(?: \[as \w+\])? \(/.exec(outermost)?.[1]; // tl.huber is "Module.huber"
  const isSaid = called === undefined || `${origin.call}:`.startsWith(`${called}:`);
  return isSaid ? origin.call : `${called}: ${origin.call}`;
}

/** A call in the user's code: what was called, and where. */
export interface Call {
  /** The function's name; null where it has none. */
  readonly name: string | null;
  readonly place: string;
  /** Whether the function is one of ours. */
  readonly isOurs: boolean;
}

/**
 * The user's calls that led to a node, from the entry's function inwards; the last is of something of ours. Empty where the
 * entry is none of the user's functions (a trainer's), or too far out for the stack that was kept.
 *
 *   train: logits(x)  ->  block: attention(h)  ->  matmul(q, k)
 */
export function userCalls(origin: Origin): readonly Call[] {
  return trailOf(origin).calls;
}

/** The same, and the lines of ours below the last call: equal for two nodes where one line of ours made both. */
export function trailOf(origin: Origin): { readonly calls: readonly Call[]; readonly below: string } {
  const frames = framesOf(origin);
  const [own] = frames;
  if (own === undefined) return { calls: [], below: "" };
  const isOurs = ownFiles(own.place);
  const outside = frames.findIndex(({ line, place }) => isOurs(place) && functionIn(line) === entryCaller);
  const inside = outside < 0 ? frames : frames.slice(0, outside);
  const calls = inside.flatMap(({ place }, i) =>
    i === 0 || isOurs(place) || place.startsWith("node:")
      ? []
      : [{ name: functionIn(inside[i - 1]?.line ?? ""), place, isOurs: isOurs(inside[i - 1]?.place ?? "") }],
  );
  const below = frames.slice(0, Math.max(0, usersFrame(frames)));
  return { calls: calls.toReversed(), below: below.map(({ place }) => place).join("\n") };
}

/** What calls the function of an entry (src/dsl/program.ts). */
const entryCaller = "trace";

/** The name of a frame's function without what it is a method of: "at Module.huber (place)" is "huber". */
function functionIn(line: string): string | null {
  const name = /^\s*at (?:async )?(?:new )?(?:[\w$]+\.)*([\w$]+)(?: \[as [\w$]+\])? \(/.exec(line)?.[1];
  return name ?? /^([\w$]+)@/.exec(line)?.[1] ?? null;
}
