/**
 * Names of files with places for an epoch, a batch and scores, and how numbers are written there:
 *
 *   "best-{epoch:02d}-{valLoss:.2f}.safetensors"      best-07-0.25.safetensors
 */
import { UserError } from "../../core/errors.ts";

/** `{name}`, `{name:02d}`, `{name:.2f}`. */
const place = /\{([A-Za-z_][\w.]*)(?::([^}]*))?\}/g;
const form = /^(?<fill>0?)(?<width>\d*)(?:(?<whole>d)|\.(?<digits>\d{1,2})(?<kind>[fe]))$/;

export class FileName {
  readonly #text: string;
  readonly names: readonly string[];

  /** A UserError says what of it cannot be written. */
  constructor(call: string, text: string) {
    this.#text = text;
    const places = [...text.matchAll(place)];
    for (const [all, , format] of places) {
      if (format !== undefined && !form.test(format)) {
        throw new UserError(
          `${call}: the path has ${all}: a number is written as {name}, {name:03d} (with zeros) or {name:.2f} (with decimals)`,
        );
      }
    }
    this.names = places.map(([, name = ""]) => name);
  }

  with(value: (name: string) => number): string {
    return this.#text.replaceAll(place, (_, name: string, format?: string) => written(value(name), format));
  }
}

function written(value: number, format: string | undefined): string {
  const { fill = "", width = "", whole, digits, kind } = form.exec(format ?? "")?.groups ?? {};
  if (format === undefined || !Number.isFinite(value)) return String(value);
  const text =
    whole !== undefined
      ? String(Math.round(value))
      : kind === "e"
        ? value.toExponential(Number(digits)).replace(/e([+-])(\d)$/, "e$10$2")
        : value.toFixed(Number(digits));
  const sign = fill === "0" && text.startsWith("-") ? "-" : "";
  return sign + text.slice(sign.length).padStart(Number(width) - sign.length, fill === "0" ? "0" : " ");
}
