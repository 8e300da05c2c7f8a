/**
 * Functions that generated code calls where WebAssembly's own instructions trap or differ from the kernel language. A module
 * contains those it uses.
 */
import type { FunctionWriter } from "./function.ts";
import type { ValType } from "./opcodes.ts";
import type { Local } from "./refs.ts";

interface Helper {
  readonly params: readonly ValType[];
  readonly result: ValType;
  readonly write: (f: FunctionWriter, params: readonly Local[]) => void;
}

/** Of two i32, an i32. */
function ofIntegers(write: (f: FunctionWriter, x: Local, y: Local) => void): Helper {
  return { params: ["i32", "i32"], result: "i32", write: (f, [x, y]) => write(f, x as Local, y as Local) };
}

function ofOne(param: ValType, result: ValType, write: (f: FunctionWriter, x: Local) => void): Helper {
  return { params: [param], result, write: (f, [x]) => write(f, x as Local) };
}

/** `x op y` by an instruction that traps where y is 0, when the result is 0. */
function unlessZero(f: FunctionWriter, y: Local, write: () => void): void {
  f.get(y);
  f.if(["i32"], write, () => f.constI32(0));
}

/** r + y where the remainder r is not 0 and has another sign than y, else r. */
function withSignOf(f: FunctionWriter, r: Local, y: Local): void {
  f.get(r);
  f.get(y);
  f.op("i32.add");
  f.get(r);
  f.get(r);
  f.constI32(0);
  f.op("i32.ne");
  f.get(r);
  f.get(y);
  f.op("i32.xor");
  f.constI32(0);
  f.op("i32.lt_s");
  f.op("i32.and");
  f.select();
}

export const helpers = {
  /** Cut off towards zero; x / 0 = 0; the one quotient that overflows wraps around. */
  divI32: ofIntegers((f, x, y) => {
    f.get(y);
    f.constI32(-1);
    f.op("i32.eq");
    f.if(
      ["i32"],
      () => {
        f.constI32(0);
        f.get(x);
        f.op("i32.sub");
      },
      () =>
        unlessZero(f, y, () => {
          f.get(x);
          f.get(y);
          f.op("i32.div_s");
        }),
    );
  }),
  divU32: ofIntegers((f, x, y) => {
    unlessZero(f, y, () => {
      f.get(x);
      f.get(y);
      f.op("i32.div_u");
    });
  }),
  /** With the sign of the divisor; x mod 0 = 0. */
  modI32: ofIntegers((f, x, y) => {
    const r = f.local("i32");
    unlessZero(f, y, () => {
      f.get(x);
      f.get(y);
      f.op("i32.rem_s");
      f.set(r);
      withSignOf(f, r, y);
    });
  }),
  modU32: ofIntegers((f, x, y) => {
    unlessZero(f, y, () => {
      f.get(x);
      f.get(y);
      f.op("i32.rem_u");
    });
  }),
  /** Of an index that may be negative, y > 0: (x - mod(x, y)) / y. */
  floorDiv: ofIntegers((f, x, y) => {
    const r = f.local("i32");
    f.get(x);
    f.get(x);
    f.get(y);
    f.op("i32.rem_s");
    f.set(r);
    withSignOf(f, r, y);
    f.op("i32.sub");
    f.get(y);
    f.op("i32.div_s");
  }),
  floorMod: ofIntegers((f, x, y) => {
    const r = f.local("i32");
    f.get(x);
    f.get(y);
    f.op("i32.rem_s");
    f.set(r);
    withSignOf(f, r, y);
  }),
  /** The f32 that 16 bits of half precision stand for. Shifted into place they are 2^-112 times their value. */
  fromHalf: ofOne("i32", "f32", (f, half) => {
    const magnitude = f.local("i32");
    f.get(half);
    f.constI32(0x7fff);
    f.op("i32.and");
    f.constI32(13);
    f.op("i32.shl");
    f.tee(magnitude);
    f.constI32(0x0f800000);
    f.op("i32.ge_u");
    f.if(
      ["i32"],
      () => {
        f.get(magnitude); // infinity or NaN: the exponent is all ones
        f.constI32(0x7f800000);
        f.op("i32.or");
      },
      () => {
        f.get(magnitude);
        f.op("f32.reinterpret_i32");
        f.constF32(2 ** 112);
        f.op("f32.mul");
        f.op("i32.reinterpret_f32");
      },
    );
    f.get(half);
    f.constI32(0x8000);
    f.op("i32.and");
    f.constI32(16);
    f.op("i32.shl");
    f.op("i32.or");
    f.op("f32.reinterpret_i32");
  }),
  /** The 16 bits of the nearest half-precision number, ties to even. */
  toHalf: ofOne("f32", "i32", (f, x) => {
    const bits = f.local("i32");
    const magnitude = f.local("i32");
    const sign = f.local("i32");
    f.get(x);
    f.op("i32.reinterpret_f32");
    f.tee(bits);
    f.constI32(0x7fffffff);
    f.op("i32.and");
    f.set(magnitude);
    f.get(bits);
    f.constI32(16);
    f.op("i32.shr_u");
    f.constI32(0x8000);
    f.op("i32.and");
    f.set(sign);
    const above = (limit: number, yes: () => void, no: () => void): void => {
      f.get(magnitude);
      f.constI32(limit);
      f.op("i32.ge_u");
      f.if(["i32"], yes, no);
    };
    const subnormal = (): void => {
      f.get(magnitude); // multiples of 2^-24
      f.op("f32.reinterpret_i32");
      f.constF32(2 ** 24);
      f.op("f32.mul");
      f.op("f32.nearest");
      f.op("i32.trunc_sat_f32_u");
    };
    const normal = (): void => {
      f.get(magnitude); // the exponent's bias goes from 127 to 15, and 13 bits of the fraction are rounded off
      f.constI32(0x38000000 - 0xfff);
      f.op("i32.sub");
      f.get(magnitude);
      f.constI32(13);
      f.op("i32.shr_u");
      f.constI32(1);
      f.op("i32.and");
      f.op("i32.add");
      f.constI32(13);
      f.op("i32.shr_u");
    };
    above(
      0x7f800001,
      () => f.constI32(0x7e00),
      () =>
        above(
          0x477ff000,
          () => f.constI32(0x7c00),
          () => above(0x38800000, normal, subnormal),
        ),
    );
    f.get(sign);
    f.op("i32.or");
  }),
  /** The 16 bits of the nearest bfloat16, ties to even. */
  toBrain: ofOne("f32", "i32", (f, x) => {
    const bits = f.local("i32");
    f.constI32(0x7fc0);
    f.get(x);
    f.op("i32.reinterpret_f32");
    f.tee(bits);
    f.constI32(0x7fff);
    f.op("i32.add");
    f.get(bits);
    f.constI32(16);
    f.op("i32.shr_u");
    f.constI32(1);
    f.op("i32.and");
    f.op("i32.add");
    f.constI32(16);
    f.op("i32.shr_u");
    f.get(x);
    f.get(x);
    f.op("f32.ne");
    f.select();
  }),
} as const satisfies Record<string, Helper>;

/** modF32 is imported: JavaScript's own remainder is exact, WebAssembly has none. */
export type HelperName = keyof typeof helpers | "modF32";

export function helperOf(name: keyof typeof helpers): Helper {
  return helpers[name];
}
