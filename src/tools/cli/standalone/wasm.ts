/** The wasm target: a WebAssembly module for each entry, on one memory and one thread. */
import type { WasmArtifact } from "../../../../codegen/wasm/artifact.ts";
import { pagesOf } from "../../../../codegen/wasm/files.ts";
import { plain } from "./names.ts";
import { commonGlue, entryTable, fileNames, type ModuleParts, moduleFile, programText, stateTable } from "./parts.ts";
import type { CompiledProgram } from "./program.ts";

export function wasmParts(program: CompiledProgram<WasmArtifact>, start: string, stem: string): ModuleParts {
  const files = new Map<string, Uint8Array>();
  const names = fileNames(stem);
  const artifacts = program.entries.map(({ stages }) => stages.entry.artifact);
  const stateBase = Math.max(0, ...artifacts.map(({ bases }) => bases.state)); // the same for every entry
  const text = programText({
    start: moduleFile(start),
    states: stateTable(program.states, ({ offset }) => stateBase + offset),
    pages: Math.max(...program.entries.map(({ name, stages }) => pagesOf(name, stages.entry.artifact))),
    entries: program.entries.map((entry) => {
      const { module, bases } = entry.stages.entry.artifact;
      const file = `${names.name(plain(entry.name, "entry"))}.wasm`;
      files.set(file, module);
      return {
        ...entryTable(entry, ({ segment, offset }) => bases[segment] + offset),
        module: moduleFile(file),
      };
    }),
  });
  return { text, create: "createWasm", glue: [...commonGlue, "host", "wasm"], files };
}
