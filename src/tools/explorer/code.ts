/** The printed code of each launch, as text: a function of JavaScript, a shader, or a function of WebAssembly with its bytes. */
import type { JsArtifact } from "../../../codegen/js/artifact.ts";
import { stepName } from "../../../codegen/wasm/abi.ts";
import type { WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { type DisassembledFunction, disassemble, printDisassembled } from "../../../codegen/wasm/disassemble.ts";
import type { WgslArtifact } from "../../../codegen/wgsl/artifact.ts";
import { CompilerBug } from "../../core/errors.ts";
import { type Artifact, type LaunchStep, launchSteps } from "../../program/artifact.ts";
import type { CodeView } from "./exploration.ts";
import type { Texts } from "./texts.ts";

export interface PrintedCode {
  /** Of the launch with this id. */
  of(step: number): CodeView;
  /** Of the whole entry. */
  readonly bytes: number;
}

export function printedCode(artifact: Artifact, texts: Texts): PrintedCode {
  const steps = new Map(launchSteps(artifact).map((step) => [step.id, step]));
  const stepOf = (id: number): LaunchStep => {
    const step = steps.get(id);
    if (step === undefined) throw new CompilerBug(`the launch ${id} was not printed`);
    return step;
  };
  if (isWasm(artifact)) return wasmCode(artifact, texts);
  if (isWgsl(artifact)) {
    const sources = artifact.kernels.map(({ source }) => source);
    const bytes = sources.reduce((sum, source) => sum + utf8(source), 0);
    return { bytes, of: (id) => textCode("wgsl", sources[stepOf(id).kernel] ?? "", texts) };
  }
  if (!isJs(artifact)) throw new CompilerBug("an artifact of a target that nobody shows");
  const { source, names } = artifact;
  return { bytes: utf8(source), of: (id) => textCode("js", functionIn(source, names[stepOf(id).kernel] ?? ""), texts) };
}

function isJs(artifact: Artifact): artifact is JsArtifact {
  return "names" in artifact && "source" in artifact;
}

function isWgsl(artifact: Artifact): artifact is WgslArtifact {
  return "joined" in artifact;
}

function isWasm(artifact: Artifact): artifact is WasmArtifact {
  return "module" in artifact;
}

function textCode(language: "js" | "wgsl", text: string, texts: Texts): CodeView {
  return { language, text: texts.id(text), bytes: utf8(text), hex: null };
}

function utf8(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A function's lines: the printer ends each with a brace in the first column. */
function functionIn(source: string, name: string): string {
  const start = source.indexOf(`function ${name}(`);
  if (start < 0) throw new CompilerBug(`there is no function ${name} in what was printed`);
  const end = source.indexOf("\n}", start);
  return source.slice(start, end < 0 ? source.length : end + 2);
}

/** A launch's function, and under it those that it calls, each once. */
function wasmCode({ module }: WasmArtifact, texts: Texts): PrintedCode {
  const { functions, exports } = disassemble(module);
  return {
    bytes: module.length,
    of(step) {
      const first = exports.get(stepName(step));
      if (first === undefined) throw new CompilerBug(`the module has no ${stepName(step)}`);
      const indexes = new Set([first]);
      for (const index of indexes) {
        for (const { callee } of functions[index]?.lines ?? []) if (callee !== undefined) indexes.add(callee);
      }
      const shown = [...indexes].flatMap((index) => functions[index] ?? []).filter(({ lines }) => lines.length > 0);
      return {
        language: "wasm",
        text: texts.id(shown.map((one) => printDisassembled(one, functions)).join("\n\n")),
        bytes: shown.reduce((sum, { bytes }) => sum + bytes, 0),
        hex: texts.id(shown.map((one) => hexOf(one, module)).join("\n\n")),
      };
    },
  };
}

/** A row for each line of the text: where in the module, and the bytes. */
function hexOf({ offset, lines }: DisassembledFunction, module: Uint8Array): string {
  const place = (at: number): string => at.toString(16).padStart(5, "0");
  const rows = lines.map(({ offset: at, bytes }) => {
    const hex = [...module.subarray(at, at + bytes)].map((byte) => byte.toString(16).padStart(2, "0"));
    return `${place(at)}  ${hex.join(" ")}`;
  });
  return [place(offset), ...rows, ""].join("\n");
}
