/**
 * A module as text, function by function, with the bytes of each instruction: for people who look into what was printed.
 *
 *   (func $k0_contract_max (param i32)            0x01f3  20 00          local.get 0
 *                                                 0x01f5  fd 0c 00 ..    v128.const i32x4 0x00000000 ...
 *
 * It reads what `WasmModule` writes: one memory, functions, globals, and the section of names. An instruction that is not in the table of
 * opcodes.ts is an error of ours, and so is a function that does not end where it says.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Instruction, instructions, type MemoryInstruction, type PlainInstruction } from "./opcodes.ts";

export interface Disassembled {
  /** By index, imported ones too; those without instructions are imported. */
  readonly functions: readonly DisassembledFunction[];
  /** Exported functions: name -> index. */
  readonly exports: ReadonlyMap<string, number>;
}

export interface DisassembledFunction {
  readonly name: string;
  readonly params: readonly string[];
  readonly results: readonly string[];
  readonly locals: readonly string[];
  /** Where its body begins in the module, and its length. */
  readonly offset: number;
  readonly bytes: number;
  readonly lines: readonly DisassembledLine[];
}

export interface DisassembledLine {
  /** In the module. */
  readonly offset: number;
  readonly bytes: number;
  /** How many blocks it stands in. */
  readonly depth: number;
  readonly text: string;
  /** The function that it calls. */
  readonly callee?: number;
}

type Form = "plain" | "memory" | "lane" | "memoryLane" | "constant" | "shuffle";
interface Row {
  readonly name: string;
  readonly form: Form;
  readonly instruction: Instruction;
}

export function disassemble(module: Uint8Array): Disassembled {
  const table = rowsByCode();
  const types: { params: string[]; results: string[] }[] = [];
  const functions: DisassembledFunction[] = [];
  const exports = new Map<string, number>();
  const names = new Map<number, string>();
  const typed = (name: string, type: number): DisassembledFunction => {
    const { params, results } = types[type] ?? { params: [], results: [] };
    return { name, params, results, locals: [], offset: 0, bytes: 0, lines: [] };
  };
  let imported = 0;
  const from = new Reader(module, 8);
  while (!from.isDone) {
    const id = from.byte();
    const section = from.part(from.u32());
    if (id === 0 && section.name() === "name") readNames(section, names);
    else if (id === 1) {
      section.times(() => {
        section.byte();
        types.push({ params: section.types(), results: section.types() });
      });
    } else if (id === 2) {
      section.times(() => {
        section.name();
        const name = section.name();
        if (section.byte() === 0) functions.push(typed(name, section.u32()));
        else section.limits();
      });
      imported = functions.length;
    } else if (id === 3) section.times(() => functions.push(typed("", section.u32())));
    else if (id === 7) {
      section.times(() => {
        const name = section.name();
        const kind = section.byte();
        const index = section.u32();
        if (kind === 0) exports.set(name, index);
      });
    } else if (id === 10) {
      let index = imported;
      section.times(() => {
        const body = section.part(section.u32());
        const known = functions[index];
        if (known === undefined) throw new CompilerBug("wasm: a body without a function");
        functions[index] = { ...known, offset: body.at, bytes: body.end - body.at, ...readBody(body, table) };
        index += 1;
      });
    }
  }
  return {
    functions: functions.map((one, i) => ({ ...one, name: names.get(i) ?? one.name })),
    exports,
  };
}

/** The text of one function: offset, bytes and instruction of each line. */
export function printDisassembled(one: DisassembledFunction, all: readonly DisassembledFunction[]): string {
  const list = (word: string, types: readonly string[]): string =>
    types.length === 0 ? "" : ` (${word} ${types.join(" ")})`;
  const head = `(func $${one.name}${list("param", one.params)}${list("result", one.results)}${list("local", one.locals)}`;
  const lines = one.lines.map(({ depth, text, callee }) => {
    const called = callee === undefined ? "" : ` $${all[callee]?.name ?? callee}`;
    return `${"  ".repeat(depth + 1)}${text}${called}`;
  });
  return [head, ...lines, ")"].join("\n");
}

function rowsByCode(): ReadonlyMap<number, Row> {
  const table = new Map<number, Row>();
  for (const [form, rows] of Object.entries(instructions) as [Form, Readonly<Record<string, Instruction>>][]) {
    for (const [name, instruction] of Object.entries(rows)) {
      table.set(instruction.prefix * 65_536 + instruction.code, { name, form, instruction });
    }
  }
  return table;
}

function readNames(section: Reader, names: Map<number, string>): void {
  while (!section.isDone) {
    const id = section.byte();
    const part = section.part(section.u32());
    if (id === 1) {
      part.times(() => {
        const index = part.u32();
        names.set(index, part.name());
      });
    }
  }
}

function readBody(body: Reader, table: ReadonlyMap<number, Row>): Pick<DisassembledFunction, "locals" | "lines"> {
  const locals: string[] = [];
  body.times(() => {
    const count = body.u32();
    const type = body.type();
    for (let i = 0; i < count; i++) locals.push(type);
  });
  const lines: DisassembledLine[] = [];
  let depth = 0;
  while (!body.isDone) {
    const offset = body.at;
    const code = body.byte();
    const made = control(code, body) ?? { text: tabled(code, body, table) };
    if (code === 0x0b || code === 0x05) depth -= 1; // end, else
    if (body.isDone) break; // the function's own end
    lines.push({ offset, bytes: body.at - offset, depth, ...made });
    if ((code >= 0x02 && code <= 0x04) || code === 0x05) depth += 1;
  }
  if (depth !== -1) throw new CompilerBug("wasm: a function ends in a block");
  return { locals, lines };
}

/** Control, calls and variables, which the table leaves to their writer. */
function control(code: number, body: Reader): { readonly text: string; readonly callee?: number } | undefined {
  const word = words[code];
  if (word === undefined) return undefined;
  if (code >= 0x02 && code <= 0x04) return { text: `${word}${body.blockType()}` };
  if (code === 0x10) return { text: word, callee: body.u32() };
  if (code === 0x1c) return { text: `${word} (result ${body.types().join(" ")})` };
  const hasIndex = code === 0x0c || code === 0x0d || (code >= 0x20 && code <= 0x24);
  return { text: hasIndex ? `${word} ${body.u32()}` : word };
}

const words: Readonly<Record<number, string>> = {
  0: "unreachable",
  1: "nop",
  2: "block",
  3: "loop",
  4: "if",
  5: "else",
  11: "end",
  12: "br",
  13: "br_if",
  15: "return",
  16: "call",
  26: "drop",
  27: "select",
  28: "select",
  32: "local.get",
  33: "local.set",
  34: "local.tee",
  35: "global.get",
  36: "global.set",
};

function tabled(code: number, body: Reader, table: ReadonlyMap<number, Row>): string {
  const isPrefix = code >= 0xfc && code <= 0xfe;
  const row = table.get(isPrefix ? code * 65_536 + body.u32() : code);
  if (row === undefined) throw new CompilerBug(`wasm: no instruction has the code ${code} at ${body.at}`);
  const { name, form, instruction } = row;
  switch (form) {
    case "plain":
      for (let i = 0; i < (instruction as PlainInstruction).zeros; i++) body.byte();
      return name;
    case "memory":
      return `${name}${body.memoryPlace(instruction as MemoryInstruction)}`;
    case "lane":
      return `${name} ${body.byte()}`;
    case "memoryLane": {
      const place = body.memoryPlace(instruction as MemoryInstruction);
      return `${name}${place} ${body.byte()}`;
    }
    case "shuffle":
      return `${name} ${Array.from({ length: 16 }, () => body.byte()).join(" ")}`;
    case "constant":
      return `${name} ${body.constant(name)}`;
  }
}

/** A part of a module's bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at: number, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset);
    this.at = at;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const value = this.#bytes[this.at];
    if (value === undefined || this.isDone) throw new CompilerBug(`wasm: the module ends at ${this.at}`);
    this.at += 1;
    return value;
  }

  /** The next bytes as a part of their own. */
  part(length: number): Reader {
    const made = new Reader(this.#bytes, this.at, this.at + length);
    this.at += length;
    return made;
  }

  u32(): number {
    return Number(BigInt.asUintN(32, this.#leb().value));
  }

  #leb(): { readonly value: bigint; readonly bits: number; readonly negative: boolean } {
    let value = 0n;
    for (let bits = 0; ; ) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(bits);
      bits += 7;
      if (byte < 0x80) return { value, bits, negative: (byte & 0x40) !== 0 };
    }
  }

  #signed(): bigint {
    const { value, bits, negative } = this.#leb();
    return negative ? value - (1n << BigInt(bits)) : value;
  }

  times(read: () => void): void {
    const count = this.u32();
    for (let i = 0; i < count; i++) read();
  }

  name(): string {
    const length = this.u32();
    const text = new TextDecoder().decode(this.#bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  type(): string {
    const code = this.byte();
    return { 127: "i32", 126: "i64", 125: "f32", 124: "f64", 123: "v128" }[code] ?? `type ${code}`;
  }

  types(): string[] {
    const found: string[] = [];
    this.times(() => found.push(this.type()));
    return found;
  }

  blockType(): string {
    if (this.#bytes[this.at] === 0x40) {
      this.at += 1;
      return "";
    }
    const code = this.#bytes[this.at] ?? 0;
    return code >= 0x7b && code <= 0x7f ? ` (result ${this.type()})` : ` (type ${this.#signed()})`;
  }

  limits(): void {
    const flags = this.byte();
    this.u32();
    if ((flags & 1) === 1) this.u32();
  }

  memoryPlace({ alignment }: MemoryInstruction): string {
    const log = this.u32();
    const offset = this.u32();
    return `${offset === 0 ? "" : ` offset=${offset}`}${log === alignment ? "" : ` align=${2 ** log}`}`;
  }

  constant(name: string): string {
    switch (name) {
      case "i32.const":
      case "i64.const":
        return String(this.#signed());
      case "f32.const":
        return numberText(this.#view.getFloat32(this.#skip(4), true));
      case "f64.const":
        return numberText(this.#view.getFloat64(this.#skip(8), true));
      default: {
        const at = this.#skip(16);
        const lanes = [0, 4, 8, 12].map((i) =>
          this.#view
            .getUint32(at + i, true)
            .toString(16)
            .padStart(8, "0"),
        );
        return `i32x4 ${lanes.map((lane) => `0x${lane}`).join(" ")}`;
      }
    }
  }

  #skip(count: number): number {
    this.at += count;
    return this.at - count;
  }
}

/** As the text format spells it. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}
