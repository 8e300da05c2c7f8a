/**
 * Random lifetimes: no plan overlaps, and the proof sees overlaps that are put in.
 */
import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { findOverlap, type Lifetime, type Placement, plan } from "../../passes/plan/plan.ts";
import { bufferOf } from "../buffers.ts";
import { type Property, property } from "./property.ts";

const life = fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 30 }), fc.nat({ max: 12 }));
const lives = fc.array(life, { minLength: 1, maxLength: 40 }).map((parts) =>
  parts.map(
    ([bytes, first, length], i): Lifetime => ({
      buffer: bufferOf(`%${i}`, bytes),
      bytes,
      first,
      last: first + length,
    }),
  ),
);

const place = fc.tuple(life, fc.nat({ max: 20_000 }));
const places = fc.array(place, { minLength: 2, maxLength: 10 }).map((parts) =>
  parts.map(
    ([[bytes, first, length], offset], i): Placement => ({
      buffer: bufferOf(`%${i}`, bytes),
      bytes,
      first,
      last: first + length,
      offset,
    }),
  ),
);

export const lifetimeProperties: readonly Property[] = [
  property(
    "plans have no overlaps, and are at least as large as the lower bound",
    500,
    fc.property(lives, fc.constantFrom(1, 4, 64, 256), (some, alignment) => {
      const made = plan(some, { reuse: true, alignment });
      ok(!slowOverlap(made.placements), "overlap");
      strictEqual(findOverlap(made.placements), null);
      ok(made.placements.every(({ offset }) => offset % alignment === 0));
      ok(made.peakBytes >= made.lowerBoundBytes);
      const without = plan(some, { reuse: false, alignment });
      ok(without.peakBytes >= without.withoutReuseBytes);
    }),
  ),
  property(
    "the proof of a plan says what comparing all pairs byte by byte says",
    1000,
    fc.property(places, (placements) => strictEqual(findOverlap(placements) !== null, slowOverlap(placements))),
  ),
  property(
    "the proof of a plan sees an overlap that is put into it, to the byte",
    300,
    fc.property(lives, fc.nat(), fc.nat({ max: 3 }), (some, which, shift) => {
      const { placements } = plan(some, { reuse: true, alignment: 4 });
      const filled = placements.filter(({ bytes }) => bytes > 4);
      const victim = filled[which % filled.length];
      fc.pre(victim !== undefined);
      const end = victim.offset + victim.bytes;
      const intruder = { buffer: bufferOf("intruder", 2), bytes: 8, first: victim.last, last: victim.last + 1 };
      ok(findOverlap([...placements, { ...intruder, offset: end - 1 - shift }]) !== null, "overlap not seen");
      const apart = { ...intruder, offset: end, first: victim.last + 100, last: victim.last + 101 };
      strictEqual(findOverlap([...placements, apart]), null);
    }),
  ),
];

function slowOverlap(placements: readonly Placement[]): boolean {
  return placements.some((a, i) =>
    placements.slice(i + 1).some((b) => {
      const together = a.first <= b.last && b.first <= a.last;
      return together && Math.min(a.offset + a.bytes, b.offset + b.bytes) > Math.max(a.offset, b.offset);
    }),
  );
}
