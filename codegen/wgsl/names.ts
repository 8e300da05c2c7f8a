/**
 * Names in WGSL: what they must not be, and the map from a kernel's names to identifiers.
 *
 * A kernel may call a variable `loop` or `texture`. WGSL keeps many words, some for the future; the names of its types and
 * functions may be shadowed, which would break the code that uses them. All of ours that a kernel did not choose start
 * with `tl_`, which no identifier made here does.
 */
import { CompilerBug } from "../../src/core/errors.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Keywords, and reserved words (WGSL, section 15, "Keyword and Token Summary"). */
const keywords = words(`
  alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
  loop override requires return struct switch true var while
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class
  co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval
  constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export
  extends extern external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl
  implements import inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut
  mutable namespace new nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of
  operator package packoffset partial pass patch pixelfragment precise precision premerge priv protected pub public
  readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof smooth snorm
  static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef
  typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly
  yield`);

/** Types, functions and enumerants that generated code uses, or may. */
const predeclared = words(`
  bool f16 f32 i32 u32 vec2 vec3 vec4 mat2x2 mat3x3 mat4x4 array atomic ptr function private workgroup uniform storage
  read write read_write main
  abs acos all any asin atan atan2 bitcast ceil clamp cos countOneBits cross determinant distance dot exp exp2
  extractBits faceForward firstLeadingBit floor fma fract frexp insertBits inverseSqrt ldexp length log log2 max min
  mix modf normalize pack2x16float pow quantizeToF16 radians reflect refract reverseBits round saturate select sign
  sin sinh smoothstep sqrt step tan tanh transpose trunc unpack2x16float arrayLength
  atomicLoad atomicStore atomicAdd atomicSub atomicMax atomicMin atomicAnd atomicOr atomicXor atomicExchange
  workgroupBarrier storageBarrier subgroupShuffle subgroupShuffleXor`);

export const reservedNames: ReadonlySet<string> = new Set([...keywords, ...predeclared]);

/** Identifiers of one scope: a module with its entry point, or one function. */
export class WgslNames {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** The identifier of a kernel's name: itself, or what it is to be based on, where WGSL allows that. */
  declare(name: string, base = name): string {
    const identifier = this.fresh(base);
    this.#given.set(name, identifier);
    return identifier;
  }

  of(name: string): string {
    const identifier = this.#given.get(name);
    if (identifier === undefined) throw new CompilerBug(`wgsl: ${name} is not declared`);
    return identifier;
  }

  /** An identifier that nothing else has. */
  fresh(base: string): string {
    const plain = base.replace(/[^A-Za-z0-9_]/g, "_");
    const legal =
      /^[A-Za-z]/.test(plain) && !plain.startsWith("tl_") && !reservedNames.has(plain) ? plain : `n_${plain}`;
    let identifier = legal;
    for (let n = 2; this.#taken.has(identifier); n += 1) identifier = `${legal}_${n}`;
    this.#taken.add(identifier);
    return identifier;
  }
}
