/** Places of small feeds on a GPU: whatever comes between feeds, steps and submits, each step finds what was fed last. */
import { describe, expect, test } from "vitest";
import { mostPlaces, Places, placesFor } from "../../src/runtime/webgpu/places.ts";

/** The buffer and the queue of a GPU that does what is submitted at once, and counts what is written. */
class Model {
  readonly memory: Uint8Array;
  readonly buffer: GPUBuffer;
  readonly queue: GPUQueue;
  writes = 0;

  constructor(size: number) {
    this.memory = new Uint8Array(size).fill(0xee); // of places that nobody has written
    this.buffer = { size } as GPUBuffer;
    const writeBuffer = (_: GPUBuffer, at: number, from: Uint8Array, start: number, bytes: number): void => {
      expect([at % 4, bytes % 4]).toEqual([0, 0]);
      this.memory.set(from.subarray(start, start + bytes), at);
      this.writes += 1;
    };
    this.queue = { writeBuffer } as unknown as GPUQueue;
  }
}

describe("places of small feeds", () => {
  test("64 of whole 256 bytes, as far as 16 KiB; larger inputs have one, and no inputs none to speak of", () => {
    expect([4, 256, 257, 16_384].map((bytes) => placesFor(bytes).stride)).toEqual([256, 256, 512, 16_384]);
    expect(placesFor(512).count).toBe(mostPlaces);
    expect(placesFor(16_385)).toEqual({ count: 1, stride: 16_385 });
    expect(placesFor(0)).toEqual({ count: 1, stride: 0 });
  });

  test("a chunk of steps, each fed, is one write, and so is the next", () => {
    const model = new Model(64 * 256);
    const places = new Places(model.buffer, placesFor(256));
    for (const chunk of [1, 2]) {
      for (let step = 0; step < 64; step++) {
        expect(places.isFull).toBe(false);
        places.feed({ offset: 0, bytes: 4 }, Uint32Array.of(100 * chunk + step));
        expect(places.take()).toBe(step);
      }
      expect(places.isFull).toBe(true);
      places.write(model.queue);
      const first = new Uint32Array(model.memory.buffer).filter((_, i) => i % 64 === 0);
      expect([...first]).toEqual(Array.from({ length: 64 }, (_, step) => 100 * chunk + step));
      expect(model.writes).toBe(chunk);
    }
  });

  test("feeds, steps and submits in any order", () => {
    const sizes = { count: 5, stride: 256 };
    const model = new Model(5 * 256);
    const places = new Places(model.buffer, sizes);
    const slots = [0, 8, 252].map((offset) => ({ offset, bytes: 4 }));
    const fed = slots.map(() => 0);
    let recorded: { readonly place: number; readonly wanted: readonly number[] }[] = [];
    let steps = 0;
    const submit = (): void => {
      if (recorded.length === 0) return; // then nothing is submitted
      places.write(model.queue);
      const words = new Uint32Array(model.memory.buffer);
      for (const { place, wanted } of recorded) {
        expect(slots.map(({ offset }) => words[(place * sizes.stride + offset) / 4])).toEqual(wanted);
        steps += 1;
      }
      recorded = [];
    };
    slots.forEach((slot) => void places.feed(slot, Uint32Array.of(0)));
    let random = 1;
    for (let i = 0; i < 4000; i++) {
      random = (random * 48_271) % 2_147_483_647;
      const kind = random % 16;
      if (kind < 8) {
        if (places.isFull) submit();
        places.feed(slots[kind % 3] ?? { offset: 0, bytes: 4 }, Uint32Array.of(i));
        fed[kind % 3] = i;
      } else if (kind < 15) recorded.push({ place: places.take(), wanted: [...fed] });
      else submit();
    }
    expect(steps).toBeGreaterThan(1000);
  });
});
