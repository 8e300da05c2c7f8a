/** How the moves are made that only a GPU asks for. */
import type { MovesOf } from "../../../passes/schedule/apply.ts";
import type { WgslMoveName } from "../../../src/kernel/moves.ts";
import { hold } from "./hold.ts";
import { matrix } from "./matrix.ts";
import { team } from "./team.ts";
import { tile } from "./tile.ts";
import { splitTree } from "./tree.ts";
import { turn } from "./turn.ts";

export const wgslMoves: MovesOf<WgslMoveName> = { tile, team, turn, hold, matrix, splitTree };
