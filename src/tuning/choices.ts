/**
 * Choices: which way of scheduling a kernel was measured to be best, by place (a device, as one version of the compiler knows it) and
 * by the kernel's shape. As a file they are JSON that anybody may have written:
 *
 *   { "format": "tensorloom tuning 1", "places": [ {
 *       "target": "wasm", "device": "wasm (2 threads), AMD EPYC 9B14, V8 13.6", "facts": "{...}", "compiler": "0.1.0",
 *       "kernels": { "9f2c41d07ab35e18": { "kernel": "k0_contract_max", "choice": "blocks 2x4", "usualMs": 2.1, "ms": 1.7 } } } ] }
 *
 * Nothing of it is run or believed but the name of a choice, and that only where the target offers one of the name: the moves are its
 * policy's own, and are checked as always.
 */
import { isRecord } from "../core/records.ts";

/** Where something was measured. */
export interface Place {
  readonly target: string;
  /** What ran it, for people too. */
  readonly device: string;
  /** What schedules depend on there. */
  readonly facts: string;
  /** The version of tensorloom. */
  readonly compiler: string;
}

/** What was found out of a kernel. */
export interface Choice {
  /** The kernel's name when it was measured, for people. */
  readonly kernel: string;
  /** The candidate that was faster, or null where the usual way stays. */
  readonly choice: string | null;
  /** Milliseconds of a launch, as usual and as chosen. */
  readonly usualMs: number;
  readonly ms: number;
}

export interface PlaceChoices extends Place {
  /** By the shape of the kernel (`shapeKey`). */
  readonly kernels: ReadonlyMap<string, Choice>;
}

/** Of files of ours: some hundred kernels are 50 kB. */
export const mostBytes = 4 * 2 ** 20;
const format = "tensorloom tuning 1";
const mostPlaces = 100;
const mostKernels = 20_000;
const longestText = 2000;
const keyForm = /^[0-9a-f]{16}$/;

/** What a file holds, or what is wrong with it. */
export function parseChoices(text: string): readonly PlaceChoices[] | string {
  if (text.length > mostBytes) return `it has more than ${mostBytes} bytes`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "it is no JSON";
  }
  if (!isRecord(parsed)) return "it is no object";
  if (parsed.format !== format) return `its format is not "${format}"`;
  const { places } = parsed;
  if (!Array.isArray(places) || places.length > mostPlaces) return `its places are no list of at most ${mostPlaces}`;
  const found: PlaceChoices[] = [];
  for (const place of places) {
    const read = placeOf(place);
    if (typeof read === "string") return read;
    found.push(read);
  }
  return found;
}

function placeOf(place: unknown): PlaceChoices | string {
  if (!isRecord(place)) return "a place is no object";
  const { target, device, facts, compiler, kernels } = place;
  if (!isText(target) || !isText(device) || !isText(facts) || !isText(compiler)) return "a place has no target, device, facts or compiler"; // biome-ignore format: one condition
  if (!isRecord(kernels)) return "the kernels of a place are no object";
  const entries = Object.entries(kernels);
  if (entries.length > mostKernels) return `a place has more than ${mostKernels} kernels`;
  const found = new Map<string, Choice>();
  for (const [key, choice] of entries) {
    const read = choiceOf(choice);
    if (!keyForm.test(key) || read === undefined) return `what it says of the kernel ${key.slice(0, 40)} is no choice`;
    found.set(key, read);
  }
  return { target, device, facts, compiler, kernels: found };
}

function choiceOf(value: unknown): Choice | undefined {
  if (!isRecord(value)) return undefined;
  const { kernel, choice, usualMs, ms } = value;
  if (!isText(kernel) || !(choice === null || isText(choice)) || !isTime(usualMs) || !isTime(ms)) return undefined;
  return { kernel, choice, usualMs, ms };
}

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= longestText;
const isTime = (value: unknown): value is number => typeof value === "number" && value >= 0 && value < Infinity;

export function printChoices(places: readonly PlaceChoices[]): string {
  const plain = places.map(({ kernels, ...place }) => ({ ...place, kernels: Object.fromEntries(kernels) }));
  return `${JSON.stringify({ format, places: plain }, null, 1)}\n`;
}

export function isSamePlace(a: Place, b: Place): boolean {
  return isSameDevice(a, b) && a.compiler === b.compiler;
}

/** Whatever version measured it. */
export function isSameDevice(a: Place, b: Place): boolean {
  return a.target === b.target && a.device === b.device && a.facts === b.facts;
}

/** What is known with what is new; of the same device what another version measured is dropped. */
export function withChoices(known: readonly PlaceChoices[], made: PlaceChoices): readonly PlaceChoices[] {
  const before = known.find((place) => isSamePlace(place, made));
  const kernels = new Map([...(before?.kernels ?? []), ...made.kernels]);
  return [...known.filter((place) => !isSameDevice(place, made)), { ...made, kernels }].slice(-mostPlaces);
}
