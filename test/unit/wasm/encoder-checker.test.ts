/**
 * The encoder's type checker against the engine's: for random bodies, the same instructions are written by FunctionWriter
 * and, without any check, as bytes; one is refused exactly where the other does not validate.
 *
 * A body grows from random instructions. One that is refused is left out and the next is tried, so that most tries meet a
 * stack with something on it, inside a few blocks.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Bytes } from "../../../codegen/wasm/bytes.ts";
import type { FunctionWriter } from "../../../codegen/wasm/function.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import {
  instructions,
  type MemoryOpName,
  type PlainOpName,
  type ValType,
  writeOpcode,
} from "../../../codegen/wasm/opcodes.ts";
import { type FunctionRef, type GlobalRef, typeCode } from "../../../codegen/wasm/refs.ts";
import type { Label } from "../../../codegen/wasm/validator.ts";
import { CompilerBug } from "../../../src/core/errors.ts";
import { allowRelaxedSimd } from "../../../src/runtime/wasm/host.ts";

allowRelaxedSimd();

type Results = readonly ValType[];
type Token =
  | { readonly kind: "op"; readonly name: PlainOpName }
  | { readonly kind: "memory"; readonly name: MemoryOpName }
  | { readonly kind: "const" | "get" | "set" | "tee"; readonly type: ValType }
  | { readonly kind: "select"; readonly type: ValType | undefined }
  | { readonly kind: "getGlobal" | "setGlobal" | "call"; readonly which: 0 | 1 }
  | { readonly kind: "br" | "brIf"; readonly outwards: number }
  | { readonly kind: "block" | "if"; readonly results: Results }
  | { readonly kind: "loop" | "else" | "end" | "return" | "drop" | "unreachable" };

const types = ["i32", "i64", "f32", "f64", "v128"] as const;
const callees = [
  { params: ["f32", "i32"], results: ["f64"] },
  { params: [], results: ["i32", "f32"] },
] as const;
const resultLists: readonly Results[] = [[], ["i32"], ["f32"], ["v128"], ["i32", "f32"]];

const anyType = fc.constantFrom(...types);
const plainNames = Object.keys(instructions.plain) as PlainOpName[];
const memoryNames = Object.keys(instructions.memory) as MemoryOpName[];
const which = fc.constantFrom(0 as const, 1 as const);
const token: fc.Arbitrary<Token> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("const" as const, "get" as const), type: anyType }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("set" as const, "tee" as const), type: anyType }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("op" as const), name: fc.constantFrom(...plainNames) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("memory" as const), name: fc.constantFrom(...memoryNames) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("select" as const), type: fc.option(anyType, { nil: undefined }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("getGlobal" as const, "setGlobal" as const, "call" as const), which }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("br" as const, "brIf" as const), outwards: fc.nat({ max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("block" as const, "if" as const),
      results: fc.constantFrom(...resultLists),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("loop" as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("else" as const, "end" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("return" as const, "unreachable" as const) }) },
);

test("accepts exactly what the engine accepts", () => {
  let accepted = 0;
  let refused = 0;
  const agree = (tokens: readonly Token[], results: Results, isCut: boolean): boolean => {
    const module = withoutCheck(tokens, results, isCut);
    const isValid = WebAssembly.validate(module);
    const checked = withCheck(tokens, results, isCut);
    expect(checked !== undefined, JSON.stringify(tokens)).toBe(isValid);
    if (checked !== undefined) {
      expect(WebAssembly.validate(checked)).toBe(true);
      if (!isCut) expect(Buffer.from(checked).includes(Buffer.from(codeOf(tokens, false)))).toBe(true);
    }
    if (isValid) accepted++;
    else refused++;
    return isValid;
  };
  fc.assert(
    fc.property(
      fc.array(token, { maxLength: 60, size: "max" }),
      fc.constantFrom(...resultLists),
      (candidates, results) => {
        const kept: Token[] = [];
        for (const candidate of candidates) {
          const next = [...kept, candidate];
          if (isNested(next) && agree(next, results, true)) kept.push(candidate);
        }
        for (const _ of openBlocks(kept) ?? []) kept.push({ kind: "end" });
        agree(kept, results, false);
      },
    ),
    { numRuns: 150 },
  );
  expect(accepted).toBeGreaterThan(1000);
  expect(refused).toBeGreaterThan(1000);
});

/** The open blocks after these tokens, or undefined where an `end` or `else` has no block. */
function openBlocks(tokens: readonly Token[]): readonly Token[] | undefined {
  const open: Token[] = [];
  for (const token of tokens) {
    if (token.kind === "block" || token.kind === "loop" || token.kind === "if") open.push(token);
    if (token.kind !== "end" && token.kind !== "else") continue;
    const ended = open.pop();
    if (ended === undefined || (token.kind === "else" && ended.kind !== "if")) return undefined;
    if (token.kind === "else") open.push(token);
  }
  return open;
}

/** The writer's methods take functions, so it cannot be made to close what is not open, or to branch out of the body. */
function isNested(tokens: readonly Token[]): boolean {
  const open = openBlocks(tokens);
  const last = tokens.at(-1);
  if (open === undefined) return false;
  return !(last?.kind === "br" || last?.kind === "brIf") || last.outwards < labels(open).length;
}

/** The depths of blocks with a label that the writer gives out. */
function labels(open: readonly Token[]): readonly number[] {
  return open.flatMap(({ kind }, depth) => (kind === "block" || kind === "loop" ? [depth] : []));
}

/** The body, written by FunctionWriter; undefined where it refuses. A cut body ends every open block unreachably. */
function withCheck(tokens: readonly Token[], results: Results, isCut: boolean): Uint8Array<ArrayBuffer> | undefined {
  const module = new WasmModule();
  module.importMemory("env", "memory", { min: 1, max: 1, shared: true });
  const functions = callees.map(({ params, results: gives }, i) =>
    module.importFunction("env", `f${i}`, params, gives),
  );
  const globals = [module.global("i32", 0, true), module.global("f32", 1)];
  try {
    module.function("body", types, results, (f, params) => {
      const local = (type: ValType) => params[types.indexOf(type)] ?? f.local(type);
      const open: Label[] = [];
      let at = 0;
      /** Writes up to the end of a block. */
      const write = (): void => {
        for (
          let token = tokens[at];
          token !== undefined && token.kind !== "end" && token.kind !== "else";
          token = tokens[at]
        ) {
          at++;
          one(token);
        }
        if (at === tokens.length && isCut) f.unreachable();
      };
      const skip = (kind: "else" | "end"): boolean => {
        const isHere = tokens[at]?.kind === kind;
        if (isHere) at++;
        return isHere;
      };
      const labelled = (label: Label): void => {
        open.push(label);
        write();
        open.pop();
        skip("end");
      };
      const one = (token: Token): void => {
        if (token.kind === "block") f.block(token.results, labelled);
        else if (token.kind === "loop") f.loop(labelled);
        else if (token.kind === "if") {
          const hasElse = followsElse(tokens, at) ?? token.results.length > 0;
          const then = (): void => {
            write();
            skip(hasElse ? "else" : "end");
          };
          const otherwise = (): void => {
            write();
            skip("end");
          };
          f.if(token.results, then, hasElse ? otherwise : undefined);
        } else if (token.kind === "br" || token.kind === "brIf") {
          const label = open.at(-1 - token.outwards);
          if (label !== undefined) f[token.kind](label);
        } else if (token.kind === "get" || token.kind === "set" || token.kind === "tee")
          f[token.kind](local(token.type));
        else simple(f, token, functions, globals);
      };
      write();
    });
    return module.finish();
  } catch (error) {
    if (!(error instanceof CompilerBug)) throw error;
    return undefined;
  }
}

/** Whether the `if` whose body starts here has an else; undefined where the tokens end first. */
function followsElse(tokens: readonly Token[], start: number): boolean | undefined {
  let depth = 0;
  for (const { kind } of tokens.slice(start)) {
    if (kind === "block" || kind === "loop" || kind === "if") depth++;
    if (depth === 0 && (kind === "else" || kind === "end")) return kind === "else";
    if (kind === "end") depth--;
  }
  return undefined;
}

function simple(
  f: FunctionWriter,
  token: Token,
  functions: readonly FunctionRef[],
  globals: readonly GlobalRef[],
): void {
  if (token.kind === "op") f.op(token.name);
  else if (token.kind === "memory") f.memory(token.name, 300);
  else if (token.kind === "select") f.select(token.type);
  else if (token.kind === "return") f.return();
  else if (token.kind === "drop") f.drop();
  else if (token.kind === "unreachable") f.unreachable();
  else if (token.kind === "const") {
    if (token.type === "i32") f.constI32(-77);
    else if (token.type === "i64") f.constI64(-77n);
    else if (token.type === "f32") f.constF32(1.5);
    else if (token.type === "f64") f.constF64(1.5);
    else f.constV128(new Uint8Array(16));
  } else if (token.kind === "call" || token.kind === "getGlobal" || token.kind === "setGlobal") {
    const callee = functions[token.which];
    const global = globals[token.which];
    if (callee === undefined || global === undefined) throw new Error("no such function or global");
    if (token.kind === "call") f.call(callee);
    else f[token.kind](global);
  }
}

/** The body's bytes, each instruction by itself. */
function codeOf(tokens: readonly Token[], isCut: boolean): Uint8Array<ArrayBuffer> {
  const to = new Bytes();
  const before: Token[] = [];
  for (const token of tokens) {
    encode(to, token, openBlocks(before) ?? []);
    before.push(token);
  }
  const open = openBlocks(tokens) ?? [];
  if (isCut) {
    to.byte(0x00);
    for (const block of open.toReversed()) {
      if (block.kind === "if" && block.results.length > 0) to.bytes(Uint8Array.of(0x05, 0x00));
      to.bytes(Uint8Array.of(0x0b, 0x00));
    }
  }
  to.byte(0x0b);
  return to.copy();
}

function encode(to: Bytes, token: Token, open: readonly Token[]): void {
  const simpleCodes = { else: 0x05, end: 0x0b, return: 0x0f, drop: 0x1a, unreachable: 0x00 } as const;
  const indexed = { get: 0x20, set: 0x21, tee: 0x22 } as const;
  switch (token.kind) {
    case "op":
      writeOpcode(to, instructions.plain[token.name]);
      for (let i = 0; i < instructions.plain[token.name].zeros; i++) to.byte(0);
      return;
    case "memory":
      writeOpcode(to, instructions.memory[token.name]);
      to.u32(instructions.memory[token.name].alignment);
      to.u32(300);
      return;
    case "const":
      writeOpcode(to, instructions.constant[`${token.type}.const`]);
      if (token.type === "i32") to.i32(-77);
      else if (token.type === "i64") to.i64(-77n);
      else if (token.type === "f32") to.f32(1.5);
      else if (token.type === "f64") to.f64(1.5);
      else to.bytes(new Uint8Array(16));
      return;
    case "get":
    case "set":
    case "tee":
      to.byte(indexed[token.kind]);
      to.u32(types.indexOf(token.type));
      return;
    case "select":
      to.byte(token.type === undefined ? 0x1b : 0x1c);
      if (token.type !== undefined) to.bytes(Uint8Array.of(1, typeCode(token.type)));
      return;
    case "call":
      to.byte(0x10);
      to.wideU32(token.which); // whatever it is: a linker puts another in its place
      return;
    case "getGlobal":
    case "setGlobal":
      to.byte({ getGlobal: 0x23, setGlobal: 0x24 }[token.kind]);
      to.u32(token.which);
      return;
    case "br":
    case "brIf":
      to.byte(token.kind === "br" ? 0x0c : 0x0d);
      to.u32(open.length - 1 - (labels(open).at(-1 - token.outwards) ?? 0));
      return;
    case "block":
    case "if":
      to.byte(token.kind === "block" ? 0x02 : 0x04);
      if (token.results.length === 2)
        to.byte(1); // the type of the second callee, which is the only list of two
      else to.byte(token.results[0] === undefined ? 0x40 : typeCode(token.results[0]));
      return;
    case "loop":
      to.bytes(Uint8Array.of(0x03, 0x40));
      return;
    default:
      to.byte(simpleCodes[token.kind]);
  }
}

function withoutCheck(tokens: readonly Token[], results: Results, isCut: boolean): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  const list = (to: Bytes, all: Results): void => {
    to.u32(all.length);
    for (const type of all) to.byte(typeCode(type));
  };
  out.bytes(Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  out.section(1, (to) => {
    to.u32(3);
    for (const { params, results: gives } of [...callees, { params: types, results }]) {
      to.byte(0x60);
      list(to, params);
      list(to, gives);
    }
  });
  out.section(2, (to) => {
    to.u32(3);
    to.name("env");
    to.name("memory");
    to.bytes(Uint8Array.of(2, 3, 1, 1));
    for (const i of [0, 1]) {
      to.name("env");
      to.name(`f${i}`);
      to.bytes(Uint8Array.of(0, i));
    }
  });
  out.section(3, (to) => to.bytes(Uint8Array.of(1, 2)));
  out.section(6, (to) => {
    to.bytes(Uint8Array.of(2, typeCode("i32"), 1, 0x41, 0, 0x0b, typeCode("f32"), 0, 0x43));
    to.f32(1);
    to.byte(0x0b);
  });
  out.section(10, (to) => {
    const code = codeOf(tokens, isCut);
    to.u32(1);
    to.u32(code.length + 1);
    to.u32(0);
    to.bytes(code);
  });
  return out.copy();
}
