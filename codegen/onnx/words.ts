/** The words of each op. */
import { wordTable } from "../word-table.ts";
import type { Onnx, Value } from "./builder.ts";
import * as folds from "./folds.ts";
import * as gathers from "./gathers.ts";
import * as loops from "./loops.ts";
import * as maps from "./maps.ts";
import * as sources from "./sources.ts";
import * as views from "./views.ts";

export const words = wordTable<Onnx, Value>({ ...folds, ...gathers, ...loops, ...maps, ...sources, ...views });
