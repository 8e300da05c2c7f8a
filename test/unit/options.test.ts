/**
 * The check of options: what is wrong is said with what was meant, and the table cannot differ from the type.
 */
import { expect, test } from "vitest";
import { UserError } from "../../src/core/errors.ts";
import {
  callable,
  checkedLater,
  checkOptions,
  checkValue,
  count,
  either,
  flag,
  list,
  number,
  type OptionTable,
  object,
  oneOf,
  seed,
  text,
  whole,
} from "../../src/core/options.ts";
import { closest } from "../../src/core/spelling.ts";

interface Options {
  readonly axis?: number | readonly number[];
  readonly keepDims?: boolean;
  readonly learningRate?: number;
  readonly share?: number;
  readonly batch?: number;
  readonly seed?: number;
  readonly mode?: "slow" | "fast";
  readonly name?: string;
  readonly onWarning?: (message: string) => void;
  readonly dims?: Readonly<Record<string, number>>;
  readonly x?: Float32Array;
}

const table: OptionTable<Options> = {
  axis: either(whole(), list(whole())),
  keepDims: flag,
  learningRate: number({ above: 0 }),
  share: number({ from: 0, below: 1 }),
  batch: count,
  seed,
  mode: oneOf("slow", "fast"),
  name: text,
  onWarning: callable(),
  dims: object(),
  x: checkedLater(),
};

function said(given: unknown, before = ""): string {
  try {
    checkOptions("call", given as Options, table, { before });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
  return "";
}

test("names of the table are taken, undefined ones count as not given, and the options come back", () => {
  const given = {
    axis: [0, -1],
    keepDims: true,
    batch: undefined,
    x: new Float32Array(2),
    dims: {},
    onWarning: () => {},
  };
  expect(checkOptions<Options>("call", given as unknown as Options, table)).toBe(given);
  expect(checkOptions<Options>("call", undefined, table)).toEqual({});
  class Mine {
    readonly batch = 3;
  }
  expect(said(new Mine())).toBe("");
});

test.each([
  ["lr", "learningRate"],
  ["learning_rate", "learningRate"],
  ["learnignRate", "learningRate"],
  ["batchSize", "batch"],
  ["batch_size", "batch"],
  ["keepdims", "keepDims"],
  ["axes", "axis"],
  ["dim", "axis"],
  ["onwarning", "onWarning"],
  ["onWarn", "onWarning"],
  ["seeed", "seed"],
])("the option %s was meant to be %s", (wrong, right) => {
  expect(said({ [wrong]: 1 })).toMatch(
    `call: there is no option "${wrong}"; did you mean "${right}"? (there are: axis, keepDims, learningRate, share,`,
  );
});

test("a name that is like nothing gets the list, without a guess; so does __proto__", () => {
  expect(said({ zzzzzzzz: 1 })).toMatch(/^call: there is no option "zzzzzzzz" \(there are: axis, /);
  expect(said(JSON.parse('{"__proto__": 1}'))).toMatch(/^call: there is no option "__proto__"/);
  expect(said({ constructor: 1 })).toMatch(/^call: there is no option "constructor"/);
  expect(closest("lr", ["rho"])).toBeUndefined();
});

test("the message has the user's line", () => {
  expect(said({ lr: 1 })).toMatch(/\n {4}at .*options\.test\.ts:\d+:\d+$/);
});

test.each<[unknown, string]>([
  [{ axis: "0" }, 'call: axis must be a whole number or a list, each of it a whole number, not "0"'],
  [{ axis: [0, 0.5] }, "call: axis must be a whole number or a list, each of it a whole number, not [0, 0.5]"],
  [{ keepDims: 1 }, "call: keepDims must be true or false, not 1"],
  [{ learningRate: Number.NaN }, "call: learningRate must be a number above 0, not NaN"],
  [{ learningRate: Number.POSITIVE_INFINITY }, "call: learningRate must be a number above 0, not Infinity"],
  [{ learningRate: 0 }, "call: learningRate must be a number above 0, not 0"],
  [{ share: 1 }, "call: share must be a number from 0 to below 1, not 1"],
  [{ batch: 1.5 }, "call: batch must be a whole number from 1, not 1.5"],
  [{ batch: 2n }, "call: batch must be a whole number from 1, not 2n"],
  [{ seed: -1 }, "call: seed must be a whole number from 0 to 9007199254740991, not -1"],
  [{ seed: "a" }, 'call: seed must be a whole number from 0 to 9007199254740991, not "a"'],
  [{ seed: 2 ** 53 }, "call: seed must be a whole number from 0 to 9007199254740991, not 9007199254740992"],
  [{ mode: "quick" }, 'call: mode must be one of "slow", "fast", not "quick"'],
  [{ name: Symbol("s") }, "call: name must be a text, not Symbol(s)"],
  [{ onWarning: "log" }, 'call: onWarning must be a function, not "log"'],
  [{ dims: [1] }, "call: dims must be an object, not [1]"],
  [{ dims: new Float32Array(1) }, "call: dims must be an object, not a Float32Array"],
  [{ batch: null }, "call: batch must be a whole number from 1, not null (leave it out for the default)"],
  [{ x: null }, "call: x must be given or left out, not null (leave it out for the default)"],
])("a value of the wrong kind: %#", (given, message) => {
  expect(said(given).split("\n")[0]).toBe(message);
});

test.each<[unknown, string]>([
  [1, "call takes options: call(a, { axis: 1 }), not 1"],
  [[0, 1], "call takes options: call(a, { axis: [0, 1] }), not [0, 1]"],
  [0.5, "call takes options: call(a, { learningRate: 0.5 }), not 0.5"],
  [true, "call takes options: call(a, { keepDims: true }), not true"],
  ["fast", 'call takes options: call(a, { mode: "fast" }), not "fast"'],
  [null, "call takes options: call(a, { axis: ... }), not null"],
  [new Float32Array(1), "call takes options: call(a, { axis: ... }), not a Float32Array"],
  [new Map([["a", 1]]), ""],
])("something else in the place of options: %#", (given, message) => {
  expect(said(given, "a, ").split("\n")[0]).toBe(message);
});

test("an object of another class with names of its own is not taken for options", () => {
  class Thing {
    readonly size = 1;
  }
  expect(said(new Thing())).toMatch(/^call takes options: call\(\{ axis: ... \}\), not a Thing/);
});

test("a value by position is checked the same way", () => {
  expect(checkValue("call", "rate", 0.5, number({ from: 0 }))).toBe(0.5);
  expect(() => checkValue("call", "rate", "0.5", number({ from: 0 }))).toThrow(
    'call: rate must be a number from 0, not "0.5"',
  );
});

test("a table that is not the type's does not compile", () => {
  type Small = { readonly a?: number; readonly f?: (x: number) => void };
  const right: OptionTable<Small> = { a: number(), f: callable() };
  // @ts-expect-error an option is missing
  const missing: OptionTable<Small> = { a: number() };
  // @ts-expect-error there is no such option
  const extra: OptionTable<Small> = { a: number(), f: callable(), b: number() };
  // @ts-expect-error of another kind
  const wrong: OptionTable<Small> = { a: text, f: callable() };
  // @ts-expect-error narrower than the type
  const narrow: OptionTable<{ readonly a?: number | string }> = { a: number() };
  expect([right, missing, extra, wrong, narrow]).toHaveLength(5);
});
