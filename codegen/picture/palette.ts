/**
 * Colours of the pictures: Okabe and Ito's, which people with any kind of colour vision can tell apart, and a letter and a
 * border for each part of a step, for those who print in black.
 */
import type { Role } from "./roles.ts";

export interface Paint {
  /** Border, and the tab with the letter. */
  readonly strong: string;
  readonly light: string;
  readonly letter: string;
  /** Border style of DOT. */
  readonly border: "solid" | "dashed" | "dotted";
  readonly meaning: string;
}

export const ink = "#1b1f24";
export const quiet = "#57606a";
export const faint = "#d0d7de";

/** Arimo has the widths of Arial and Helvetica, which Graphviz knows: text fits its box on every machine. */
export const fontFamily = "Arial,Arimo,Liberation Sans,Helvetica,sans-serif";

export const paints: Readonly<Record<Exclude<Role, "source">, Paint>> = {
  forward: { strong: "#0072b2", light: "#e6f2fa", letter: "F", border: "solid", meaning: "forward" },
  backward: { strong: "#b84a00", light: "#fdeee2", letter: "B", border: "dashed", meaning: "backward" },
  update: { strong: "#00795a", light: "#e2f5ee", letter: "U", border: "dotted", meaning: "update" },
};

export const sourcePaint = { input: "#ffffff", state: "#fff6cf", stateBorder: "#8a6d00" } as const;
