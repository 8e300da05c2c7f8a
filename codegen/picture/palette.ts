/**
 * Colours and letters of the pictures. The colours of forward, again, backward and update are darkened ones of Okabe and Ito's,
 * which people with any kind of colour vision can tell apart; the letter in each box needs no colour at all.
 */
import type { Box } from "./drawn.ts";

export interface Paint {
  /** Border, and the tab with the letter. */
  readonly strong: string;
  readonly light: string;
  readonly letter: string;
  readonly meaning: string;
}

export const ink = "#1b1f24";
export const quiet = "#57606a";
export const faint = "#d0d7de";
export const paper = "#f6f8fa";

/** Arimo, which comes with us, has the widths of Helvetica, which Graphviz knows: text fits its box on every machine. */
export const fontName = "Helvetica";

export const paints = {
  forward: { strong: "#0072b2", light: "#d9ecf8", letter: "F", meaning: "forward" },
  again: { strong: "#9b3f78", light: "#f6dfec", letter: "R", meaning: "forward, again in the backward pass" },
  backward: { strong: "#b84a00", light: "#fce3d0", letter: "B", meaning: "backward" },
  update: { strong: "#00795a", light: "#d3f0e5", letter: "U", meaning: "update" },
  input: { strong: "#1b1f24", light: "#ffffff", letter: "I", meaning: "input" },
  state: { strong: "#8a6d00", light: "#fff4c2", letter: "S", meaning: "state" },
  buffer: { strong: "#6e7781", light: "#eaeef2", letter: "M", meaning: "from memory" },
  source: { strong: "#6e7781", light: "#ffffff", letter: "C", meaning: "made from nothing" },
} as const satisfies Record<string, Paint>;

export type PaintName = keyof typeof paints;

export function paintName({ look, role }: Box): PaintName {
  return look === "input" || look === "state" || look === "buffer" ? look : role;
}
