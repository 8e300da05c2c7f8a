/**
 * Where a step can run in this browser: each place is tried by a training step of a small network, and says why it does not work.
 */
import { examineTargets, type TargetOptions } from "tensorloom";
import type { Place, PlaceExam } from "./protocol.ts";

/** What `compile` is told for a place. */
export const targetOf: Readonly<Record<Place, TargetOptions>> = {
  auto: { target: "auto" },
  wgsl: { target: "wgsl" },
  threads: { target: "wasm" },
  wasm: { target: "wasm", threads: 1 },
  js: { target: "js" },
};

/** The CPU's places, the fastest first: where training goes on when a GPU is gone for good. */
export const withoutGpu: readonly Place[] = ["threads", "wasm", "js"];

/** Takes about half a second. */
export async function examinePlaces(): Promise<readonly PlaceExam[]> {
  const found = new Map((await examineTargets()).map((exam) => [exam.target, exam]));
  const [wgsl, wasm, js] = [found.get("wgsl"), found.get("wasm"), found.get("js")];
  const told = (place: PlaceExam["place"], exam = found.get("js"), device = exam?.device): PlaceExam => ({
    place,
    works: exam?.works === true,
    detail: (exam?.works === true ? device : firstSentence(exam?.reason)) ?? "",
  });
  const many = wasm?.ways?.at(-1);
  const threads: PlaceExam =
    wasm?.works !== true || many === undefined
      ? told("threads", wasm)
      : { place: "threads", works: many.works && isMany(wasm.device), detail: many.reason ?? oneCore(wasm.device) };
  return [told("wgsl", wgsl), threads, told("wasm", wasm, "wasm (1 thread)"), told("js", js)];
}

/** What is the matter; what to do about it in Node is nothing for a visitor. */
function firstSentence(reason = ""): string {
  return reason.replace(/^target "\w+": /, "").split(/\. |\n/)[0] ?? "";
}

function isMany(device = ""): boolean {
  return /\(\d+ threads\)/.test(device);
}

function oneCore(device = ""): string {
  return isMany(device) ? device : "the browser says that this machine has one core";
}
