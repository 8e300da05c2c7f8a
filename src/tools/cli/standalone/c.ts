/**
 * Standalone programs in C: one C99 file and its header. A function for each entry, which copies its inputs in, runs the kernels on
 * memory of the file's own, and copies its outputs out.
 *
 *   int mnist_train(const float *image, const int32_t *label, float *loss, float *accuracy);
 */
import { elementTypes } from "../../../../codegen/c/print.ts";
import { pointerTo, printKernels, printSteps } from "../../../../codegen/c/program.ts";
import type { CArtifact } from "../../../../codegen/c/target.ts";
import { commentText } from "../../../../codegen/escape.ts";
import { byteWidth, isShort } from "../../../core/dtype.ts";
import { there } from "../../../core/records.ts";
import type { BufferSlot, Segment } from "../../../program/buffer.ts";
import { kernelsOf } from "../../../program/sequence.ts";
import { cStates } from "./c-states.ts";
import { plain, Unlike } from "./names.ts";
import type { CompiledProgram, Port, ProgramEntry } from "./program.ts";

export interface CProgram {
  readonly source: string;
  readonly header: string;
  /** What its functions are called by, in words for people. */
  readonly calls: readonly string[];
}

/** Words of C, and of C++, which may read the header; names that the functions use. No parameter may have them. */
const reserved = (
  "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict " +
  "return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false main NULL NAN INFINITY " +
  "and and_eq asm bitand bitor catch class compl const_cast delete dynamic_cast explicit export false friend mutable namespace new not " +
  "not_eq operator or or_eq private protected public reinterpret_cast static_cast template this throw true try typeid typename using " +
  "virtual wchar_t xor xor_eq memcpy int32_t uint32_t uint16_t uint8_t int64_t uint64_t " +
  "input_at output_at state_at arena_at states length bytes i"
).split(" ");

interface Parameter {
  readonly name: string;
  readonly port: Port;
}

interface CEntry {
  readonly entry: ProgramEntry<CArtifact>;
  readonly name: string;
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
}

export function cProgram(program: CompiledProgram<CArtifact>, stem: string, about: string): CProgram {
  const prefix = /^\d/.test(stem) ? `p${stem}` : stem;
  const names = new Unlike(["load", "save", "states", "h"].map((own) => `${prefix}_${own}`)); // the last two are macros
  const entries = program.entries.map((entry): CEntry => {
    const own = new Unlike(reserved);
    const named = (ports: readonly Port[], otherwise: string): readonly Parameter[] =>
      ports.map((port) => ({ port, name: own.name(identifier(port.path.join("_"), otherwise)) }));
    const name = names.name(`${prefix}_${plain(entry.name, "entry")}`);
    return { entry, name, inputs: named(entry.inputs, "input"), outputs: named(entry.outputs, "output") };
  });
  const states = program.states.map((port) => ({
    port,
    name: names.name(`${prefix}_state_${plain(port.slot.name, "state")}`),
  }));
  return {
    source: sourceOf(program, entries, states, { prefix, stem, about }),
    header: headerOf(entries, states, prefix, about),
    calls: entries.map((each) => signature(each)),
  };
}

function identifier(name: string, otherwise: string): string {
  const found = plain(name, otherwise);
  return /^\d/.test(found) ? `_${found}` : found;
}

function signature({ name, inputs, outputs }: CEntry): string {
  const params = [
    ...inputs.map((input) => `const ${elementTypes[input.port.slot.dtype]} *${input.name}`),
    ...outputs.map((output) => `${elementTypes[output.port.slot.dtype]} *${output.name}`),
  ];
  return `int ${name}(${params.length === 0 ? "void" : params.join(", ")})`;
}

function headerOf(entries: readonly CEntry[], states: readonly Parameter[], prefix: string, about: string): string {
  const guard = `${prefix.toUpperCase()}_H`;
  const listed = (parameters: readonly Parameter[]): readonly string[] =>
    parameters.map(({ name, port }) => ` *   ${name}: ${commentText(port.about)}`);
  const functions = entries.map((each) => {
    const { entry, inputs, outputs } = each;
    return [
      "/**",
      ` * Runs ${commentText(JSON.stringify(entry.name))}. Gives 0, or the number of the input, from 1, that holds what is no label or no bool.`,
      ...(inputs.length === 0 ? [] : [" * Takes", ...listed(inputs)]),
      ...(outputs.length === 0 ? [] : [" * Gives", ...listed(outputs)]),
      " */",
      `${signature(each)};`,
    ].join("\n");
  });
  const memory = states.map(
    ({ name, port }) =>
      `/** ${commentText(port.slot.name)}: ${commentText(port.about)} */\n${elementTypes[port.slot.dtype]} *${name}(void);`,
  );
  return `/**
 * ${about}
 * Row-major arrays; f16 and bf16 are their bits, bool is 0 and 1. One program a process, on one thread.
 */
#ifndef ${guard}
#define ${guard}
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/** Reads all states from a safetensors file: 0, or -1 where it cannot be read or does not fit; then nothing has changed. */
int ${prefix}_load(const char *path);
/** Writes them to one: 0, or -1 where it cannot be written. */
int ${prefix}_save(const char *path);

${functions.join("\n\n")}

// The states: their memory itself.
${memory.join("\n")}

#ifdef __cplusplus
}
#endif
#endif
`;
}

interface Words {
  readonly prefix: string;
  readonly stem: string;
  readonly about: string;
}

function sourceOf(
  { entries: compiled, states: ports, stateBytes }: CompiledProgram<CArtifact>,
  entries: readonly CEntry[],
  states: readonly Parameter[],
  { prefix, stem, about }: Words,
): string {
  const kernels = [...new Set(compiled.flatMap(({ stages }) => kernelsOf(stages.sequence)))];
  const numbers = new Map(kernels.map((kernel, i) => [kernel, i]));
  const arena = Math.max(...compiled.map(({ stages }) => stages.entry.segmentBytes.arena));
  const inFile = [...ports].sort((a, b) => byteWidth(b.slot.dtype) - byteWidth(a.slot.dtype)); // so that all lie aligned
  const rows = inFile.map(({ slot: { name, dtype, shape, offset, count } }) => {
    const header = `${JSON.stringify(name)}:{"dtype":"${dtype.toUpperCase()}","shape":[${shape}],"data_offsets":[`;
    return `  {${cText(header)}, ${offset}, ${count * byteWidth(dtype)}},`;
  });
  const ranges = inFile.flatMap(({ slot: { dtype, offset, count }, leaf: { range } }) =>
    range === undefined || isShort(dtype) ? [] : [{ element: elementTypes[dtype], at: offset, count, range }],
  );
  return `// ${about}
// cc -std=c99 -O2 -fwrapv -ffp-contract=off -fno-strict-aliasing -c ${stem}.c    (and link with -lm)
#include "${stem}.h"
#include <inttypes.h>
#include <stdlib.h>
${printKernels(kernels)}
${memoryOf("state", stateBytes)}
${memoryOf("arena", arena)}
#define ${prefix.toUpperCase()}_STATES ${states.length}
static const struct {
  const char *header;
  uint64_t at, bytes;
} states[${states.length + 1}] = {
${rows.join("\n")}
  {"", 0, 0},
};

${cStates(prefix, ranges)}
${states.map(({ name, port: { slot } }) => `${elementTypes[slot.dtype]} *${name}(void) { return ${pointerTo(slot, { segment: segmentName })}; }`).join("\n")}

${entries
  .map((each) => {
    const own = kernelsOf(each.entry.stages.sequence).map((kernel) => there(numbers.get(kernel), "kernel"));
    return entryFunction(each, own);
  })
  .join("\n\n")}
`;
}

function entryFunction(each: CEntry, kernels: readonly number[]): string {
  const { entry, inputs, outputs } = each;
  const { segmentBytes, artifact } = entry.stages.entry;
  const checks = entry.inputs.flatMap(({ picks, slot }, i) => {
    const at = `${there(inputs[i], "input").name}[i]`;
    const bounds =
      picks !== null
        ? `(${at} < 0 || ${at} >= ${picks.limit})${picks.ignored === null ? "" : ` && ${at} != ${picks.ignored}`}`
        : slot.dtype === "bool"
          ? `${at} > 1`
          : null;
    return bounds === null ? [] : [`for (int64_t i = 0; i < ${slot.count}; i++) if (${bounds}) return ${i + 1};`];
  });
  const moved = (slot: BufferSlot) => ({
    at: `${segmentName(slot.segment)} + ${slot.offset}`,
    bytes: slot.count * byteWidth(slot.dtype),
  });
  const taken = inputs.map(({ name, port }) => `memcpy(${moved(port.slot).at}, ${name}, ${moved(port.slot).bytes});`);
  const given = outputs.map(({ name, port }) => `memcpy(${name}, ${moved(port.slot).at}, ${moved(port.slot).bytes});`);
  const steps = printSteps(artifact.steps, { segment: segmentName, kernel: (i) => there(kernels[i], "kernel") });
  return [
    `${signature(each)} {`,
    ...(inputs.length === 0 ? [] : [`  ${memoryOf("input", segmentBytes.input)}`]),
    ...(outputs.length === 0 ? [] : [`  ${memoryOf("output", segmentBytes.output)}`]),
    ...[...checks, ...taken, ...steps, ...given].map((line) => `  ${line}`),
    "  return 0;",
    "}",
  ].join("\n");
}

function segmentName(segment: Segment): string {
  return `${segment}_at.bytes`;
}

/** Aligned for every type. One byte more, as C has no arrays without elements. */
function memoryOf(segment: Segment, bytes: number): string {
  return `static union { double aligned; uint8_t bytes[${bytes + 1}]; } ${segment}_at;`;
}

/** A string of C, of any text. */
function cText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const letters = [...bytes].map((byte) => {
    const letter = String.fromCharCode(byte);
    if (byte < 32 || byte > 126 || letter === "?") return `\\${byte.toString(8).padStart(3, "0")}`;
    return letter === '"' || letter === "\\" ? `\\${letter}` : letter;
  });
  return `"${letters.join("")}"`;
}
