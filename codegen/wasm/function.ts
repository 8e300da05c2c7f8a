/**
 * Writes the body of one WebAssembly function, checking types at every instruction.
 *
 * So a mistake of a printer is a `CompilerBug` with a stack trace at the line that made it, not an engine's complaint about
 * byte 31415. Instructions go straight into the body as bytes (core specification, section 5.4).
 */
import { Body } from "./body.ts";
import { Hoisted, wordOf } from "./hoisting.ts";
import { Locals } from "./locals.ts";
import {
  type Instruction,
  instructions,
  type LaneOpName,
  type MemoryLaneOpName,
  type MemoryOpName,
  type PlainOpName,
  type ValType,
  writeOpcode,
} from "./opcodes.ts";
import {
  type Code,
  type FunctionRef,
  type GlobalRef,
  type LateAddress,
  type Local,
  type ModuleScope,
  typeCode,
} from "./refs.ts";
import { type Label, Validator } from "./validator.ts";

const opcode = { block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, emptyType: 0x40 } as const;
/** Every method but `local` and `release` appends one instruction; all throw `CompilerBug` where it would be invalid. */
export class FunctionWriter {
  private readonly scope: ModuleScope;
  private readonly parameters: readonly Local[];
  private readonly results: readonly ValType[];
  private readonly body = new Body(1024);
  private readonly locals: Locals;
  /** What is computed before the code that is being written. */
  private hoisted: Hoisted | null = null;
  private readonly check: Validator;

  constructor(name: string, params: readonly ValType[], results: readonly ValType[], scope: ModuleScope) {
    this.scope = scope;
    this.parameters = params.map((type, index) => ({ index, type }));
    this.results = results;
    this.locals = new Locals(this.parameters);
    this.check = new Validator(name, results);
  }

  /** The function's parameters, which are its first locals. */
  get params(): readonly Local[] {
    return this.parameters;
  }

  /** Ends the body; nothing can be written afterwards. */
  finish(): Code {
    if (this.check.depth > 1) this.check.fail("end", "a block is still open");
    this.check.close("end");
    this.body.byte(opcode.end);
    return this.body.finish(this.locals);
  }

  /** A local of its own; it starts as zero unless it is one that was released. */
  local(type: ValType): Local {
    return this.locals.take(type);
  }

  /** Computes constants of vectors that `write` asks for before it, once. `zero` leaves an i32 that is 0, which the engine cannot know. */
  hoisting(zero: () => void, write: () => void): void {
    const start = this.body.length;
    const hoisted = new Hoisted(this.locals);
    this.hoisted = hoisted;
    write();
    this.hoisted = null;
    this.body.insert(start, () => hoisted.write(this, zero));
    hoisted.release();
  }

  /**
   * Zeroes the vectors that `write` is given locals for, behind it. In a loop an engine takes the value of each local for one that
   * the next iteration reads, until it finds that none does: by then it has decided which vectors are worth joining.
   */
  clearing(write: () => void): void {
    const [first, ...others] = this.locals.watching(write);
    if (first === undefined) return;
    this.splatI32(0);
    for (const local of others) this.body.coded(0x22, local.index);
    this.body.coded(0x21, first.index);
    this.check.popOne("local.set", "v128");
  }

  /** Lets `local` give this one out again. */
  release(local: Local): void {
    this.checkLocal("release", local);
    if (this.locals.isParameter(local)) this.check.fail("release", `local ${local.index} is a parameter`);
    this.locals.release(local);
  }

  get(local: Local): void {
    this.checkLocal("local.get", local);
    this.check.give("local.get", local.type);
    this.body.coded(0x20, local.index);
  }

  set(local: Local): void {
    this.checkLocal("local.set", local);
    this.check.popOne("local.set", local.type);
    this.body.coded(0x21, local.index);
  }

  tee(local: Local): void {
    this.checkLocal("local.tee", local);
    this.check.popOne("local.tee", local.type);
    this.body.coded(0x22, local.index);
    this.check.push(local.type);
  }

  getGlobal(global: GlobalRef): void {
    if (!this.scope.hasGlobal(global)) this.check.fail("global.get", "the global is not of this module");
    this.check.give("global.get", global.type);
    this.body.coded(0x23, global.index);
  }

  setGlobal(global: GlobalRef): void {
    if (!this.scope.hasGlobal(global)) this.check.fail("global.set", "the global is not of this module");
    if (!global.mutable) this.check.fail("global.set", `global ${global.index} is not mutable`);
    this.check.popOne("global.set", global.type);
    this.body.coded(0x24, global.index);
  }

  /** An integer in [-2^31, 2^32); those from 2^31 on are the negative numbers with the same bits. */
  constI32(value: number): void {
    const signed = value | 0;
    if (signed !== value && value >>> 0 !== value) this.check.fail("i32.const", `${value} is not a 32-bit integer`);
    this.emit("i32.const", instructions.constant["i32.const"]);
    this.body.i32(signed);
  }

  /** An address, as an i32. */
  constAddress(address: LateAddress): void {
    const value = this.addressOf("i32.const", address);
    this.emit("i32.const", instructions.constant["i32.const"]);
    this.body.relocate(address.region, true);
    this.body.wideI32(value | 0);
  }

  /** An integer in [-2^63, 2^64); those from 2^63 on are the negative numbers with the same bits. */
  constI64(value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    if (signed !== value && BigInt.asUintN(64, value) !== value)
      this.check.fail("i64.const", `${value} is not a 64-bit integer`);
    this.emit("i64.const", instructions.constant["i64.const"]);
    this.body.i64(signed);
  }

  /** The float32 nearest to a number; every NaN becomes the canonical one. */
  constF32(value: number): void {
    this.emit("f32.const", instructions.constant["f32.const"]);
    this.body.f32(value);
  }

  /** A float64; every NaN becomes the canonical one. */
  constF64(value: number): void {
    this.emit("f64.const", instructions.constant["f64.const"]);
    this.body.f64(value);
  }

  /** 16 bytes, the first in the lowest lane. */
  constV128(bytes: Uint8Array): void {
    if (bytes.length !== 16) this.check.fail("v128.const", `${bytes.length} bytes in place of 16`);
    this.emit("v128.const", instructions.constant["v128.const"]);
    this.body.bytes(bytes);
  }

  /** The float32 nearest to a number, in four lanes. */
  splatF32(value: number): void {
    const before = this.hoisted?.localOf(wordOf(value));
    if (before !== undefined) {
      this.get(before);
      return;
    }
    this.emit("v128.const", instructions.constant["v128.const"]);
    for (let lane = 0; lane < 4; lane++) this.body.f32(value);
  }

  /** The low 32 bits of an integer, in four lanes. */
  splatI32(value: number): void {
    const before = this.hoisted?.localOf(value | 0);
    if (before !== undefined) {
      this.get(before);
      return;
    }
    this.emit("v128.const", instructions.constant["v128.const"]);
    for (let lane = 0; lane < 4; lane++) this.body.word(value);
  }

  op(name: PlainOpName): void {
    const instruction = instructions.plain[name];
    // What ends in zero bytes names the memory, but for the fence.
    if (instruction.zeros > 0 && instruction.prefix !== 0xfe) this.checkMemory(name);
    this.emit(name, instruction);
    for (let i = 0; i < instruction.zeros; i++) this.body.byte(0);
  }

  /**
   * A load, a store or an atomic operation at the address on the stack plus `offset`: a constant in [0, 2^32), or an address of a
   * region. `align` is in bytes, a power of two up to the width of the access, which is the default; it is a hint except for
   * atomics, which trap at an address that is no multiple of their width.
   */
  memory(name: MemoryOpName, offset: number | LateAddress, align?: number): void {
    const instruction = instructions.memory[name];
    const log = align === undefined ? instruction.alignment : Math.log2(align);
    if (!Number.isInteger(log) || log < 0 || log > instruction.alignment)
      this.check.fail(name, `it cannot be aligned to ${align} bytes`);
    if (instruction.prefix === 0xfe && log !== instruction.alignment)
      this.check.fail(name, `an atomic is aligned to its width, not to ${align} bytes`);
    this.checkOffset(name, offset);
    this.emit(name, instruction);
    if (typeof offset === "number") this.body.coded(log, offset);
    else {
      this.body.byte(log);
      this.offset(name, offset);
    }
  }

  lane(name: LaneOpName, lane: number): void {
    const instruction = instructions.lane[name];
    this.checkLane(name, lane, instruction.lanes);
    this.emit(name, instruction);
    this.body.byte(lane);
  }

  /** A load or store of one lane, at the address on the stack plus `offset`, as in `memory`. */
  memoryLane(name: MemoryLaneOpName, offset: number | LateAddress, lane: number): void {
    const instruction = instructions.memoryLane[name];
    this.checkLane(name, lane, instruction.lanes);
    this.checkOffset(name, offset);
    this.emit(name, instruction);
    this.body.byte(instruction.alignment);
    this.offset(name, offset);
    this.body.byte(lane);
  }

  /** i8x16.shuffle: byte i of the result is byte `lanes[i]` of the two operands together. */
  shuffle(lanes: readonly number[]): void {
    if (lanes.length !== 16) this.check.fail("i8x16.shuffle", `${lanes.length} lanes in place of 16`);
    for (const lane of lanes) this.checkLane("i8x16.shuffle", lane, 32);
    this.emit("i8x16.shuffle", instructions.shuffle["i8x16.shuffle"]);
    for (const lane of lanes) this.body.byte(lane);
  }

  call(callee: FunctionRef): void {
    const what = `call ${callee.name}`;
    if (!this.scope.hasFunction(callee)) this.check.fail(what, "the function is not of this module");
    this.check.pop(what, callee.params);
    this.body.byte(0x10);
    this.body.refer(callee);
    this.body.wideU32(callee.index);
    this.check.pushAll(callee.results);
  }

  /** What `write` writes leaves `results`; a branch to its label goes to its end, with the same. */
  block(results: readonly ValType[], write: (label: Label) => void): void {
    this.openBlock(opcode.block, "block", results);
    write(this.check.open(results, results));
    this.closeBlock("end of block");
  }

  /** A branch to its label starts `write` again; reaching the end leaves the loop. */
  loop(write: (label: Label) => void): void {
    this.openBlock(opcode.loop, "loop", []);
    write(this.check.open([], []));
    this.closeBlock("end of loop");
  }

  /** Takes an i32; without `otherwise` there can be no results. */
  if(results: readonly ValType[], then: () => void, otherwise?: () => void): void {
    if (otherwise === undefined && results.length > 0) this.check.fail("if", "it has results and no else");
    this.check.popOne("if", "i32");
    this.openBlock(opcode.if, "if", results);
    this.check.open(results, results);
    then();
    if (otherwise !== undefined) {
      this.check.close("else");
      this.body.byte(opcode.else);
      this.check.open(results, results);
      otherwise();
    }
    this.closeBlock("end of if");
  }

  br(label: Label): void {
    this.check.pop("br", this.check.branch("br", label));
    this.body.byte(0x0c);
    this.body.u32(this.check.depth - 1 - label.depth);
    this.check.leave("br");
  }

  brIf(label: Label): void {
    const branch = this.check.branch("br_if", label);
    this.check.popOne("br_if", "i32");
    this.check.pop("br_if", branch);
    this.body.byte(0x0d);
    this.body.u32(this.check.depth - 1 - label.depth);
    this.check.pushAll(branch);
  }

  return(): void {
    this.check.pop("return", this.results);
    this.body.byte(0x0f);
    this.check.leave("return");
  }

  unreachable(): void {
    this.check.leave("unreachable");
    this.body.byte(0x00);
  }

  drop(): void {
    this.check.popAny("drop");
    this.body.byte(0x1a);
  }

  /** The first of two operands where the i32 above them is not 0, the second where it is. `type` may be left out. */
  select(type?: ValType): void {
    if (type !== undefined) {
      this.check.pop("select", [type, type, "i32"]);
      this.body.byte(0x1c);
      this.body.u32(1);
      this.body.byte(typeCode(type));
      this.check.push(type);
      return;
    }
    this.check.popOne("select", "i32");
    const second = this.check.popAny("select");
    const first = this.check.popAny("select");
    if (first !== second && first !== "any" && second !== "any")
      this.check.fail("select", `it cannot choose between ${first} and ${second}`);
    this.body.byte(0x1b);
    this.check.push(first === "any" ? second : first);
  }

  private emit(name: string, instruction: Instruction): void {
    this.check.step(name, instruction.takes, instruction.gives);
    writeOpcode(this.body, instruction);
  }

  private openBlock(code: number, what: string, results: readonly ValType[]): void {
    this.check.top(what);
    this.body.byte(code);
    const [only] = results;
    if (only === undefined) this.body.byte(opcode.emptyType);
    else if (results.length === 1) this.body.byte(typeCode(only));
    else this.body.i32(this.scope.typeIndex([], results));
  }

  private closeBlock(what: string): void {
    this.check.pushAll(this.check.close(what));
    this.body.byte(opcode.end);
  }

  private checkLocal(what: string, local: Local): void {
    const problem = this.locals.problemOf(local);
    if (problem !== null) this.check.fail(what, problem);
  }

  private checkMemory(what: string): void {
    if (!this.scope.hasMemory) this.check.fail(what, "the module has no memory");
  }

  /** The constant that a load or store adds. */
  private offset(what: string, offset: number | LateAddress): void {
    if (typeof offset === "number") {
      this.body.u32(offset);
      return;
    }
    const value = this.addressOf(what, offset);
    this.body.relocate(offset.region, false);
    this.body.wideU32(value);
  }

  private addressOf(what: string, { region, offset }: LateAddress): number {
    const base = this.scope.baseOf(region);
    if (base === undefined) return this.check.fail(what, `the module has no region ${region}`);
    return base + offset; // what reaches beyond 2^32 is for a loader to refuse, with words
  }

  private checkOffset(what: string, offset: number | LateAddress): void {
    this.checkMemory(what);
    if (typeof offset === "number" && offset >>> 0 !== offset)
      this.check.fail(what, `${offset} is not an offset in [0, 2^32)`);
  }

  private checkLane(what: string, lane: number, lanes: number): void {
    if (!Number.isInteger(lane) || lane < 0 || lane >= lanes)
      this.check.fail(what, `there is no lane ${lane} of ${lanes}`);
  }
}
