/** How the moves are made that only `js` asks for. */
import type { MakeMoves } from "../../../passes/schedule/apply.ts";
import type { JsMoveName } from "../../../src/kernel/moves.ts";
import { interchange } from "./interchange.ts";

export const jsMoves: MakeMoves<JsMoveName> = { interchange };
