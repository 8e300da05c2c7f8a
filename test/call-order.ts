/**
 * Calls that are not awaited take effect in the order in which they were made, whatever must be compiled first: checks for any
 * target, run by test/unit/call-order.test.ts and test/gpu/cases/call-order.ts. A check throws to fail.
 *
 * The state `s` holds digits: `step` appends the sum of what it is fed, `pick` how many labels it is fed.
 */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { RandomStream } from "../src/core/random.ts";
import { add, compileOn, f32, i32, mul, oneHot, program, slot, sum, type Tensor, zeros } from "../src/index.ts";
import type { TargetSetup } from "../src/target-setup.ts";

function digits() {
  const append = (s: Tensor<[], "f32">, digit: Tensor<[], "f32">) => {
    const next = add(mul(s, 10), digit);
    return { outputs: { s: next }, next: { s: next } };
  };
  return program({
    inputs: { x: f32("n"), label: i32("m") },
    state: { s: slot(zeros()) },
    entries: {
      step: ({ x }, { s }) => append(s, sum(x)),
      pick: ({ label }, { s }) => append(s, sum(oneHot(label, 4))),
    },
  });
}

const compiled = (target: TargetSetup) => compileOn(digits(), target, { dims: { n: 1, m: 1 } });
type Digits = Awaited<ReturnType<typeof compiled>>;

/** Of `length` numbers with this sum. */
function numbers(length: number, total: number): Float32Array {
  return new Float32Array(length).fill(total / length);
}

const step = (executable: Digits, x: Float32Array) => executable.run({ entry: "step", feeds: { x } });
const stateOf = async (executable: Digits) => (await executable.state.read("s"))[0];

type Call = (executable: Digits, x: Float32Array) => unknown;

/** Every call there is, by what a number from 0 says. All are given an array that the caller overwrites afterwards. */
const calls: readonly Call[] = [
  (executable, x) => step(executable, x),
  (executable, x) => executable.run({ entry: "step", feeds: { x: x.length > 2 ? x : [...x] } }),
  (executable, x) => executable.run({ entry: "step", steps: 2, feeds: { x } }),
  (executable, x) =>
    executable.run({ entry: "step", steps: 2, feeds: (k) => ({ x: k === 0 ? x : numbers(x.length, 1) }) }),
  (executable) => executable.step({ x: Float32Array.of(3) }), // compiled from the start
  (executable, x) => executable.state.write("s", x.subarray(0, 1)),
  (executable) => executable.state.restore(new Map([["s", Float32Array.of(4)]])),
  (executable) => executable.state.read("s"),
  (executable) => executable.state.snapshot(),
  (executable) => executable.read("s"),
  (executable, x) => executable.prepare({ n: x.length + 1 }),
];

/** A few dozen calls of all kinds, each awaited (or not), and what they gave. One array is used for all of them. */
async function trace(target: TargetSetup, seed: number, isAwaited: boolean): Promise<readonly unknown[]> {
  const executable = await compiled(target);
  const random = new RandomStream(seed, "calls");
  const memory = new Float32Array(8);
  const answers: unknown[] = [step(executable, numbers(1, 1))];
  for (let n = 0; n < 30; n++) {
    const call = calls[random.integer(calls.length)] as Call;
    const x = memory.subarray(0, 1 + random.integer(5));
    x.set(numbers(x.length, random.integer(3)));
    const answer = call(executable, x);
    answers.push(answer);
    if (isAwaited) await answer;
    x.fill(7);
    // now and then all of them have their turn, so that later calls find nothing before them
    if (random.integer(8) === 0) await answer;
    // digits that an f32 holds
    if (n % 4 === 3) executable.state.write("s", 0);
  }
  const found = [...(await Promise.all(answers)), await stateOf(executable)];
  executable.dispose();
  return found;
}

/** A target whose machine refuses an entry with inputs of this many numbers, and one that is slow to prepare others. */
function refusing(target: TargetSetup, count: number): TargetSetup {
  return {
    ...target,
    async machine(stateBytes, options) {
      const machine = await target.machine(stateBytes, options);
      const prepare = machine.prepare.bind(machine);
      machine.prepare = async (entry) => {
        const counts = entry.inputs.map(({ buffer }) => buffer.count);
        if (counts.includes(count)) throw new Error(`no ${count} numbers`);
        if (counts.includes(2)) await new Promise((resolve) => setTimeout(resolve, 20));
        return prepare(entry);
      };
      return machine;
    },
  };
}

export const orderChecks: Readonly<Record<string, (target: TargetSetup) => Promise<void>>> = {
  async "three runs of sizes 2, 1, 3 append 1, 2, 3"(target) {
    const executable = await compiled(target);
    const runs = [step(executable, numbers(2, 1)), step(executable, numbers(1, 2)), step(executable, numbers(3, 3))];
    deepStrictEqual(await Promise.all(runs), [{ s: 1 }, { s: 12 }, { s: 123 }]);
    strictEqual(await stateOf(executable), 123);
    executable.dispose();
  },

  async "calls of every kind give what they give when each is awaited"(target) {
    for (const seed of [1, 2, 3]) deepStrictEqual(await trace(target, seed, false), await trace(target, seed, true));
  },

  async "feeds count as they are at the call, whether it must compile, wait or neither"(target) {
    const executable = await compiled(target);
    for (const lengths of [
      [1, 1, 1],
      [1, 2, 2],
      [3, 1, 3],
    ]) {
      executable.state.write("s", 0);
      const memory = new Float32Array(3);
      const runs = lengths.map((length, i) => {
        const x = memory.subarray(0, length);
        x.set(numbers(length, i + 1));
        return step(executable, x);
      });
      memory.fill(9);
      deepStrictEqual(await Promise.all(runs), [{ s: 1 }, { s: 12 }, { s: 123 }]);
    }
    executable.dispose();
  },

  async "many steps are one call: what is called meanwhile comes behind them, what their feeds call does not"(target) {
    const executable = await compiled(target);
    const feeds = (k: number) => {
      if (k === 2) executable.state.write("s", 8);
      return { x: numbers(2, k) };
    };
    const many = executable.run({ entry: "step", steps: 5, feeds });
    executable.step({ x: numbers(1, 6) });
    const last = executable.read("s");
    deepStrictEqual([...(await many).s], [0, 1, 82, 823, 8234]);
    strictEqual(await last, 82346);
    executable.dispose();
  },

  async "what the feeds of step 0 call comes behind the calls that wait"(target) {
    const executable = await compiled(target);
    const first = step(executable, numbers(2, 1)); // compiles
    const feeds = (k: number) => {
      if (k === 0) executable.step({ x: numbers(1, 2) });
      return { x: numbers(1, 3 + k) };
    };
    const many = executable.run({ entry: "step", steps: 2, feeds });
    deepStrictEqual([(await first).s, ...(await many).s], [1, 123, 1234]);
    executable.dispose();
  },

  async "runs of many steps, or that must compile, which the feeds of one call for, come behind it"(target) {
    const executable = await compiled(target);
    const inner: Promise<{ readonly s: unknown }>[] = [];
    const feeds = (k: number) => {
      if (k === 1) {
        inner.push(executable.run({ entry: "step", steps: 5, feeds: { x: numbers(1, 7) } }));
        inner.push(step(executable, numbers(3, 0)));
      }
      return { x: numbers(1, 1) };
    };
    const many = await executable.run({ entry: "step", steps: 2, feeds });
    deepStrictEqual([...many.s], [1, 11]);
    deepStrictEqual(await Promise.all(inner), [
      { s: Float32Array.of(117, 1177, 11777, 117777, 1177777) },
      { s: 11777770 },
    ]);
    executable.dispose();
  },

  async "a compilation that fails fails its run alone"(target) {
    const executable = await compileOn(digits(), refusing(target, 4), { dims: { n: 1, m: 1 } });
    const runs = [2, 4, 1, 4, 3].map((length, i) => step(executable, numbers(length, i + 1)));
    const results = await Promise.allSettled(runs);
    deepStrictEqual(
      results.map((result) => (result.status === "fulfilled" ? result.value.s : result.reason.message)),
      [1, "no 4 numbers", 13, "no 4 numbers", 135],
    );
    executable.dispose();
  },

  async "feeds that are refused fail their call alone, and the error names the line of the call"(target) {
    const executable = await compiled(target);
    const pick = async (label: readonly number[]) => executable.run({ entry: "pick", feeds: { label } });
    const runs = [pick([1, 1]), pick([1, 4, 1]), pick([9]), pick([3, 2, 1])];
    const results = await Promise.allSettled(runs);
    deepStrictEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    for (const result of results) {
      if (result.status === "rejected")
        match(result.reason.message, /labels go from 0 to 3.*\n {4}at .*call-order\.ts/s);
    }
    const waiting = step(executable, numbers(5, 1)); // compiles, so that the rest waits
    let message = "";
    try {
      executable.pick({ label: [7] });
    } catch (error) {
      message = String(error);
    }
    match(message, /the feed "label" has 7 at position 0; labels go from 0 to 3/);
    deepStrictEqual(await waiting, { s: 231 });
    strictEqual(await stateOf(executable), 231);
    executable.dispose();
  },

  async "an executable that is disposed of while calls wait refuses all of them"(target) {
    const executable = await compileOn(digits(), refusing(target, 9), { dims: { n: 1, m: 1 } });
    const waiting = [
      step(executable, numbers(2, 1)),
      step(executable, numbers(1, 1)),
      executable.run({ entry: "step", steps: 3, feeds: { x: numbers(3, 1) } }),
      executable.state.read("s"),
      executable.state.snapshot(),
    ];
    executable.step({ x: numbers(1, 1) });
    executable.state.write("s", 3);
    executable.dispose();
    for (const result of await Promise.allSettled(waiting)) {
      match(result.status === "rejected" ? result.reason.message : "", /this executable was disposed/);
    }
    await rejects(step(executable, numbers(1, 1)), /this executable was disposed/);
  },

  async "more sizes at once than are kept are run all the same, and let go of afterwards"(target) {
    const executable = await compiled(target);
    const lengths = Array.from({ length: 14 }, (_, i) => i + 2);
    const runs = lengths.map((length) => {
      executable.state.write("s", 1);
      return step(executable, numbers(length, length % 7));
    });
    for (const [i, { s }] of (await Promise.all(runs)).entries()) ok(Math.abs(s - (10 + ((i + 2) % 7))) < 1e-5);
    await step(executable, numbers(20, 1));
    ok(executable.report.entries.length <= 8, `${executable.report.entries.length} are kept`);
    executable.dispose();
  },
};
