/**
 * The table of WebAssembly instructions: name -> opcode, operand types, result types, immediate.
 *
 * The table has five parts, by what follows an opcode in the bytes; `FunctionWriter` has a method for each. The names of a
 * part are a type, so `f.op("f32x4.ad")` does not compile. Control and variable instructions are written by
 * `FunctionWriter` itself.
 *
 * Opcodes are given as in the specification's index of instructions, where related instructions have consecutive numbers:
 * https://webassembly.github.io/spec/core/appendix/index-instructions.html (prefixes 0xfc and 0xfd), and for 0xfe
 * https://webassembly.github.io/threads/core/binary/instructions.html.
 */
import type { Bytes } from "./bytes.ts";

export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";
type Types = readonly ValType[];

export interface Instruction {
  /** The byte before the opcode, 0 for none. After a prefix the opcode is an unsigned LEB128. */
  readonly prefix: Prefix;
  readonly code: number;
  readonly takes: Types;
  readonly gives: Types;
}
type Prefix = 0 | 0xfc | 0xfd | 0xfe;

/** An instruction without immediates that a caller chooses; some end in zero bytes (the index of the only memory). */
export interface PlainInstruction extends Instruction {
  readonly zeros: number;
}

/** A load, a store or an atomic operation. Its address is the first operand. */
export interface MemoryInstruction extends Instruction {
  /** log2 of how many bytes it accesses: the highest alignment that may be declared, the only one for atomics. */
  readonly alignment: number;
}

/** An instruction with the index of a lane. */
export interface LaneInstruction extends Instruction {
  readonly lanes: number;
}

export interface MemoryLaneInstruction extends MemoryInstruction, LaneInstruction {}

const none: Types = [];
const i32: Types = ["i32"];
const i64: Types = ["i64"];
const f32: Types = ["f32"];
const f64: Types = ["f64"];
const v128: Types = ["v128"];
const i32i32: Types = ["i32", "i32"];
const i64i64: Types = ["i64", "i64"];
const f32f32: Types = ["f32", "f32"];
const f64f64: Types = ["f64", "f64"];
const vv: Types = ["v128", "v128"];
const vvv: Types = ["v128", "v128", "v128"];
const vi: Types = ["v128", "i32"];

const comparisons = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const floatComparisons = "eq ne lt gt le ge";
const integerBinary = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const floatUnary = "abs neg ceil floor trunc nearest sqrt";
const floatBinary = "add sub mul div min max copysign";

export const instructions = {
  plain: {
    ...plain(0, 0x45, "i32", "eqz", i32, i32),
    ...plain(0, 0x46, "i32", comparisons, i32i32, i32),
    ...plain(0, 0x50, "i64", "eqz", i64, i32),
    ...plain(0, 0x51, "i64", comparisons, i64i64, i32),
    ...plain(0, 0x5b, "f32", floatComparisons, f32f32, i32),
    ...plain(0, 0x61, "f64", floatComparisons, f64f64, i32),
    ...plain(0, 0x67, "i32", "clz ctz popcnt", i32, i32),
    ...plain(0, 0x6a, "i32", integerBinary, i32i32, i32),
    ...plain(0, 0x79, "i64", "clz ctz popcnt", i64, i64),
    ...plain(0, 0x7c, "i64", integerBinary, i64i64, i64),
    ...plain(0, 0x8b, "f32", floatUnary, f32, f32),
    ...plain(0, 0x92, "f32", floatBinary, f32f32, f32),
    ...plain(0, 0x99, "f64", floatUnary, f64, f64),
    ...plain(0, 0xa0, "f64", floatBinary, f64f64, f64),
    ...plain(0, 0xa7, "i32", "wrap_i64", i64, i32),
    ...plain(0, 0xa8, "i32", "trunc_f32_s trunc_f32_u", f32, i32),
    ...plain(0, 0xaa, "i32", "trunc_f64_s trunc_f64_u", f64, i32),
    ...plain(0, 0xac, "i64", "extend_i32_s extend_i32_u", i32, i64),
    ...plain(0, 0xae, "i64", "trunc_f32_s trunc_f32_u", f32, i64),
    ...plain(0, 0xb0, "i64", "trunc_f64_s trunc_f64_u", f64, i64),
    ...plain(0, 0xb2, "f32", "convert_i32_s convert_i32_u", i32, f32),
    ...plain(0, 0xb4, "f32", "convert_i64_s convert_i64_u", i64, f32),
    ...plain(0, 0xb6, "f32", "demote_f64", f64, f32),
    ...plain(0, 0xb7, "f64", "convert_i32_s convert_i32_u", i32, f64),
    ...plain(0, 0xb9, "f64", "convert_i64_s convert_i64_u", i64, f64),
    ...plain(0, 0xbb, "f64", "promote_f32", f32, f64),
    ...plain(0, 0xbc, "i32", "reinterpret_f32", f32, i32),
    ...plain(0, 0xbd, "i64", "reinterpret_f64", f64, i64),
    ...plain(0, 0xbe, "f32", "reinterpret_i32", i32, f32),
    ...plain(0, 0xbf, "f64", "reinterpret_i64", i64, f64),
    ...plain(0, 0xc0, "i32", "extend8_s extend16_s", i32, i32),
    ...plain(0, 0xc2, "i64", "extend8_s extend16_s extend32_s", i64, i64),
    ...plain(0xfc, 0, "i32", "trunc_sat_f32_s trunc_sat_f32_u", f32, i32),
    ...plain(0xfc, 2, "i32", "trunc_sat_f64_s trunc_sat_f64_u", f64, i32),
    ...plain(0xfc, 4, "i64", "trunc_sat_f32_s trunc_sat_f32_u", f32, i64),
    ...plain(0xfc, 6, "i64", "trunc_sat_f64_s trunc_sat_f64_u", f64, i64),

    ...plain(0, 0x3f, "memory", "size", none, i32, 1),
    ...plain(0, 0x40, "memory", "grow", i32, i32, 1),
    ...plain(0xfc, 10, "memory", "copy", ["i32", "i32", "i32"], none, 2),
    ...plain(0xfc, 11, "memory", "fill", ["i32", "i32", "i32"], none, 1),
    ...plain(0xfe, 3, "atomic", "fence", none, none, 1),

    ...plain(0xfd, 14, "i8x16", "swizzle", vv, v128),
    ...plain(0xfd, 15, "i8x16", "splat", i32, v128),
    ...plain(0xfd, 16, "i16x8", "splat", i32, v128),
    ...plain(0xfd, 17, "i32x4", "splat", i32, v128),
    ...plain(0xfd, 18, "i64x2", "splat", i64, v128),
    ...plain(0xfd, 19, "f32x4", "splat", f32, v128),
    ...plain(0xfd, 20, "f64x2", "splat", f64, v128),
    ...plain(0xfd, 35, "i8x16", comparisons, vv, v128),
    ...plain(0xfd, 45, "i16x8", comparisons, vv, v128),
    ...plain(0xfd, 55, "i32x4", comparisons, vv, v128),
    ...plain(0xfd, 65, "f32x4", floatComparisons, vv, v128),
    ...plain(0xfd, 71, "f64x2", floatComparisons, vv, v128),
    ...plain(0xfd, 77, "v128", "not", v128, v128),
    ...plain(0xfd, 78, "v128", "and andnot or xor", vv, v128),
    ...plain(0xfd, 82, "v128", "bitselect", vvv, v128),
    ...plain(0xfd, 83, "v128", "any_true", v128, i32),
    ...plain(0xfd, 94, "f32x4", "demote_f64x2_zero", v128, v128),
    ...plain(0xfd, 95, "f64x2", "promote_low_f32x4", v128, v128),

    ...plain(0xfd, 96, "i8x16", "abs neg popcnt", v128, v128),
    ...plain(0xfd, 99, "i8x16", "all_true bitmask", v128, i32),
    ...plain(0xfd, 101, "i8x16", "narrow_i16x8_s narrow_i16x8_u", vv, v128),
    ...plain(0xfd, 103, "f32x4", "ceil floor trunc nearest", v128, v128),
    ...plain(0xfd, 107, "i8x16", "shl shr_s shr_u", vi, v128),
    ...plain(0xfd, 110, "i8x16", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u", vv, v128),
    ...plain(0xfd, 116, "f64x2", "ceil floor", v128, v128),
    ...plain(0xfd, 118, "i8x16", "min_s min_u max_s max_u", vv, v128),
    ...plain(0xfd, 122, "f64x2", "trunc", v128, v128),
    ...plain(0xfd, 123, "i8x16", "avgr_u", vv, v128),
    ...plain(0xfd, 124, "i16x8", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u", v128, v128),
    ...plain(0xfd, 126, "i32x4", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u", v128, v128),

    ...plain(0xfd, 128, "i16x8", "abs neg", v128, v128),
    ...plain(0xfd, 130, "i16x8", "q15mulr_sat_s", vv, v128),
    ...plain(0xfd, 131, "i16x8", "all_true bitmask", v128, i32),
    ...plain(0xfd, 133, "i16x8", "narrow_i32x4_s narrow_i32x4_u", vv, v128),
    ...plain(0xfd, 135, "i16x8", "extend_low_i8x16_s extend_high_i8x16_s", v128, v128),
    ...plain(0xfd, 137, "i16x8", "extend_low_i8x16_u extend_high_i8x16_u", v128, v128),
    ...plain(0xfd, 139, "i16x8", "shl shr_s shr_u", vi, v128),
    ...plain(0xfd, 142, "i16x8", "add add_sat_s add_sat_u sub sub_sat_s sub_sat_u", vv, v128),
    ...plain(0xfd, 148, "f64x2", "nearest", v128, v128),
    ...plain(0xfd, 149, "i16x8", "mul min_s min_u max_s max_u", vv, v128),
    ...plain(0xfd, 155, "i16x8", "avgr_u extmul_low_i8x16_s extmul_high_i8x16_s", vv, v128),
    ...plain(0xfd, 158, "i16x8", "extmul_low_i8x16_u extmul_high_i8x16_u", vv, v128),

    ...plain(0xfd, 160, "i32x4", "abs neg", v128, v128),
    ...plain(0xfd, 163, "i32x4", "all_true bitmask", v128, i32),
    ...plain(0xfd, 167, "i32x4", "extend_low_i16x8_s extend_high_i16x8_s", v128, v128),
    ...plain(0xfd, 169, "i32x4", "extend_low_i16x8_u extend_high_i16x8_u", v128, v128),
    ...plain(0xfd, 171, "i32x4", "shl shr_s shr_u", vi, v128),
    ...plain(0xfd, 174, "i32x4", "add", vv, v128),
    ...plain(0xfd, 177, "i32x4", "sub", vv, v128),
    ...plain(0xfd, 181, "i32x4", "mul min_s min_u max_s max_u dot_i16x8_s", vv, v128),
    ...plain(0xfd, 188, "i32x4", "extmul_low_i16x8_s extmul_high_i16x8_s", vv, v128),
    ...plain(0xfd, 190, "i32x4", "extmul_low_i16x8_u extmul_high_i16x8_u", vv, v128),

    ...plain(0xfd, 192, "i64x2", "abs neg", v128, v128),
    ...plain(0xfd, 195, "i64x2", "all_true bitmask", v128, i32),
    ...plain(0xfd, 199, "i64x2", "extend_low_i32x4_s extend_high_i32x4_s", v128, v128),
    ...plain(0xfd, 201, "i64x2", "extend_low_i32x4_u extend_high_i32x4_u", v128, v128),
    ...plain(0xfd, 203, "i64x2", "shl shr_s shr_u", vi, v128),
    ...plain(0xfd, 206, "i64x2", "add", vv, v128),
    ...plain(0xfd, 209, "i64x2", "sub", vv, v128),
    ...plain(0xfd, 213, "i64x2", "mul eq ne lt_s gt_s le_s ge_s", vv, v128),
    ...plain(0xfd, 220, "i64x2", "extmul_low_i32x4_s extmul_high_i32x4_s", vv, v128),
    ...plain(0xfd, 222, "i64x2", "extmul_low_i32x4_u extmul_high_i32x4_u", vv, v128),

    ...plain(0xfd, 224, "f32x4", "abs neg", v128, v128),
    ...plain(0xfd, 227, "f32x4", "sqrt", v128, v128),
    ...plain(0xfd, 228, "f32x4", "add sub mul div min max pmin pmax", vv, v128),
    ...plain(0xfd, 236, "f64x2", "abs neg", v128, v128),
    ...plain(0xfd, 239, "f64x2", "sqrt", v128, v128),
    ...plain(0xfd, 240, "f64x2", "add sub mul div min max pmin pmax", vv, v128),
    ...plain(0xfd, 248, "i32x4", "trunc_sat_f32x4_s trunc_sat_f32x4_u", v128, v128),
    ...plain(0xfd, 250, "f32x4", "convert_i32x4_s convert_i32x4_u", v128, v128),
    ...plain(0xfd, 252, "i32x4", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero", v128, v128),
    ...plain(0xfd, 254, "f64x2", "convert_low_i32x4_s convert_low_i32x4_u", v128, v128),

    // Relaxed SIMD: an engine may have SIMD without these. i32x4.relaxed_dot_i8x16_i7x16_add_s is left out, because V8 11.3
    // (Node 20) adds the product to itself.
    ...plain(0xfd, 0x100, "i8x16", "relaxed_swizzle", vv, v128),
    ...plain(0xfd, 0x101, "i32x4", "relaxed_trunc_f32x4_s relaxed_trunc_f32x4_u", v128, v128),
    ...plain(0xfd, 0x103, "i32x4", "relaxed_trunc_f64x2_s_zero relaxed_trunc_f64x2_u_zero", v128, v128),
    ...plain(0xfd, 0x105, "f32x4", "relaxed_madd relaxed_nmadd", vvv, v128),
    ...plain(0xfd, 0x107, "f64x2", "relaxed_madd relaxed_nmadd", vvv, v128),
    ...plain(0xfd, 0x109, "i8x16", "relaxed_laneselect", vvv, v128),
    ...plain(0xfd, 0x10a, "i16x8", "relaxed_laneselect", vvv, v128),
    ...plain(0xfd, 0x10b, "i32x4", "relaxed_laneselect", vvv, v128),
    ...plain(0xfd, 0x10c, "i64x2", "relaxed_laneselect", vvv, v128),
    ...plain(0xfd, 0x10d, "f32x4", "relaxed_min relaxed_max", vv, v128),
    ...plain(0xfd, 0x10f, "f64x2", "relaxed_min relaxed_max", vv, v128),
    ...plain(0xfd, 0x111, "i16x8", "relaxed_q15mulr_s relaxed_dot_i8x16_i7x16_s", vv, v128),
  },

  memory: {
    ...memory(0, 0x28, "i32", "load", i32, i32, 2),
    ...memory(0, 0x29, "i64", "load", i32, i64, 3),
    ...memory(0, 0x2a, "f32", "load", i32, f32, 2),
    ...memory(0, 0x2b, "f64", "load", i32, f64, 3),
    ...memory(0, 0x2c, "i32", "load8_s load8_u", i32, i32, 0),
    ...memory(0, 0x2e, "i32", "load16_s load16_u", i32, i32, 1),
    ...memory(0, 0x30, "i64", "load8_s load8_u", i32, i64, 0),
    ...memory(0, 0x32, "i64", "load16_s load16_u", i32, i64, 1),
    ...memory(0, 0x34, "i64", "load32_s load32_u", i32, i64, 2),
    ...memory(0, 0x36, "i32", "store", i32i32, none, 2),
    ...memory(0, 0x37, "i64", "store", ["i32", "i64"], none, 3),
    ...memory(0, 0x38, "f32", "store", ["i32", "f32"], none, 2),
    ...memory(0, 0x39, "f64", "store", ["i32", "f64"], none, 3),
    ...memory(0, 0x3a, "i32", "store8", i32i32, none, 0),
    ...memory(0, 0x3b, "i32", "store16", i32i32, none, 1),
    ...memory(0, 0x3c, "i64", "store8", ["i32", "i64"], none, 0),
    ...memory(0, 0x3d, "i64", "store16", ["i32", "i64"], none, 1),
    ...memory(0, 0x3e, "i64", "store32", ["i32", "i64"], none, 2),

    ...memory(0xfd, 0, "v128", "load", i32, v128, 4),
    ...memory(0xfd, 1, "v128", "load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u", i32, v128, 3),
    ...memory(0xfd, 7, "v128", "load8_splat", i32, v128, 0),
    ...memory(0xfd, 8, "v128", "load16_splat", i32, v128, 1),
    ...memory(0xfd, 9, "v128", "load32_splat", i32, v128, 2),
    ...memory(0xfd, 10, "v128", "load64_splat", i32, v128, 3),
    ...memory(0xfd, 11, "v128", "store", ["i32", "v128"], none, 4),
    ...memory(0xfd, 92, "v128", "load32_zero", i32, v128, 2),
    ...memory(0xfd, 93, "v128", "load64_zero", i32, v128, 3),

    ...memory(0xfe, 0, "memory.atomic", "notify", i32i32, i32, 2),
    ...memory(0xfe, 1, "memory.atomic", "wait32", ["i32", "i32", "i64"], i32, 2),
    ...memory(0xfe, 2, "memory.atomic", "wait64", ["i32", "i64", "i64"], i32, 3),
    ...memory(0xfe, 0x10, "i32.atomic", "load", i32, i32, 2),
    ...memory(0xfe, 0x11, "i64.atomic", "load", i32, i64, 3),
    ...memory(0xfe, 0x17, "i32.atomic", "store", i32i32, none, 2),
    ...memory(0xfe, 0x18, "i64.atomic", "store", ["i32", "i64"], none, 3),
    ...memory(0xfe, 0x1e, "i32.atomic", "rmw.add", i32i32, i32, 2),
    ...memory(0xfe, 0x1f, "i64.atomic", "rmw.add", ["i32", "i64"], i64, 3),
    ...memory(0xfe, 0x25, "i32.atomic", "rmw.sub", i32i32, i32, 2),
    ...memory(0xfe, 0x26, "i64.atomic", "rmw.sub", ["i32", "i64"], i64, 3),
    ...memory(0xfe, 0x2c, "i32.atomic", "rmw.and", i32i32, i32, 2),
    ...memory(0xfe, 0x33, "i32.atomic", "rmw.or", i32i32, i32, 2),
    ...memory(0xfe, 0x3a, "i32.atomic", "rmw.xor", i32i32, i32, 2),
    ...memory(0xfe, 0x41, "i32.atomic", "rmw.xchg", i32i32, i32, 2),
    ...memory(0xfe, 0x42, "i64.atomic", "rmw.xchg", ["i32", "i64"], i64, 3),
    ...memory(0xfe, 0x48, "i32.atomic", "rmw.cmpxchg", ["i32", "i32", "i32"], i32, 2),
    ...memory(0xfe, 0x49, "i64.atomic", "rmw.cmpxchg", ["i32", "i64", "i64"], i64, 3),
  },

  lane: {
    ...lane(21, "i8x16", "extract_lane_s extract_lane_u", v128, i32, 16),
    ...lane(23, "i8x16", "replace_lane", vi, v128, 16),
    ...lane(24, "i16x8", "extract_lane_s extract_lane_u", v128, i32, 8),
    ...lane(26, "i16x8", "replace_lane", vi, v128, 8),
    ...lane(27, "i32x4", "extract_lane", v128, i32, 4),
    ...lane(28, "i32x4", "replace_lane", vi, v128, 4),
    ...lane(29, "i64x2", "extract_lane", v128, i64, 2),
    ...lane(30, "i64x2", "replace_lane", ["v128", "i64"], v128, 2),
    ...lane(31, "f32x4", "extract_lane", v128, f32, 4),
    ...lane(32, "f32x4", "replace_lane", ["v128", "f32"], v128, 4),
    ...lane(33, "f64x2", "extract_lane", v128, f64, 2),
    ...lane(34, "f64x2", "replace_lane", ["v128", "f64"], v128, 2),
  },

  memoryLane: {
    ...memoryLane(84, "load8_lane", v128, 0),
    ...memoryLane(85, "load16_lane", v128, 1),
    ...memoryLane(86, "load32_lane", v128, 2),
    ...memoryLane(87, "load64_lane", v128, 3),
    ...memoryLane(88, "store8_lane", none, 0),
    ...memoryLane(89, "store16_lane", none, 1),
    ...memoryLane(90, "store32_lane", none, 2),
    ...memoryLane(91, "store64_lane", none, 3),
  },

  constant: {
    "i32.const": { prefix: 0, code: 0x41, takes: none, gives: i32 },
    "i64.const": { prefix: 0, code: 0x42, takes: none, gives: i64 },
    "f32.const": { prefix: 0, code: 0x43, takes: none, gives: f32 },
    "f64.const": { prefix: 0, code: 0x44, takes: none, gives: f64 },
    "v128.const": { prefix: 0xfd, code: 12, takes: none, gives: v128 },
  },

  /** Its immediate is 16 indexes of bytes: 0 to 15 in the first operand, 16 to 31 in the second. */
  shuffle: { "i8x16.shuffle": { prefix: 0xfd, code: 13, takes: vv, gives: v128 } },
} as const;

/** Names of instructions without immediates. */
export type PlainOpName = keyof typeof instructions.plain;
/** Names of loads, stores and atomics, with a static offset. */
export type MemoryOpName = keyof typeof instructions.memory;
/** Names of instructions that name a lane. */
export type LaneOpName = keyof typeof instructions.lane;
/** Names of loads and stores of one lane. */
export type MemoryLaneOpName = keyof typeof instructions.memoryLane;

/** Writes an instruction's opcode; its immediates follow. */
export function writeOpcode(to: Bytes, { prefix, code }: Instruction): void {
  // An opcode without a prefix is a byte, not a LEB128.
  if (prefix === 0) to.byte(code);
  else to.coded(prefix, code);
}

/** "a b c" -> "a" | "b" | "c" */
type Words<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;
type Named<Family extends string, Text extends string, Row> = Readonly<Record<`${Family}.${Words<Text>}`, Row>>;

/** One row for each word of `words`, with consecutive opcodes from `first` on. */
function rows<const Family extends string, const Text extends string, Row>(
  family: Family,
  words: Text,
  first: number,
  row: (code: number) => Row,
): Named<Family, Text, Row> {
  return Object.fromEntries(words.split(" ").map((word, i) => [`${family}.${word}`, row(first + i)])) as Named<
    Family,
    Text,
    Row
  >;
}

function plain<const Family extends string, const Text extends string>(
  prefix: Prefix,
  first: number,
  family: Family,
  words: Text,
  takes: Types,
  gives: Types,
  zeros = 0,
): Named<Family, Text, PlainInstruction> {
  return rows(family, words, first, (code) => ({ prefix, code, takes, gives, zeros }));
}

function memory<const Family extends string, const Text extends string>(
  prefix: Prefix,
  first: number,
  family: Family,
  words: Text,
  takes: Types,
  gives: Types,
  alignment: number,
): Named<Family, Text, MemoryInstruction> {
  return rows(family, words, first, (code) => ({ prefix, code, takes, gives, alignment }));
}

function lane<const Family extends string, const Text extends string>(
  first: number,
  family: Family,
  words: Text,
  takes: Types,
  gives: Types,
  lanes: number,
): Named<Family, Text, LaneInstruction> {
  return rows(family, words, first, (code) => ({ prefix: 0xfd, code, takes, gives, lanes }));
}

function memoryLane<const Text extends string>(
  code: number,
  word: Text,
  gives: Types,
  alignment: number,
): Named<"v128", Text, MemoryLaneInstruction> {
  const lanes = 16 >> alignment;
  return rows("v128", word, code, () => ({ prefix: 0xfd, code, takes: ["i32", "v128"], gives, alignment, lanes }));
}
