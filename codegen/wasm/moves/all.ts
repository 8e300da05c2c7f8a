/** How the moves are made that only a CPU with vectors asks for. */
import type { MakeMoves } from "../../../passes/schedule/apply.ts";
import type { WasmMoveName } from "../../../src/kernel/moves.ts";
import { accumulate } from "./accumulate.ts";
import { compareBits } from "./compare-bits.ts";
import { spill } from "./spill.ts";
import { stage } from "./stage.ts";

export const wasmMoves: MakeMoves<WasmMoveName> = { stage, spill, accumulate, compareBits };
