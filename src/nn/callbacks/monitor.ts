/**
 * Monitor: the score that a callback looks at, and whether one value of it is better than another.
 *
 * A score is named as the history has it, "loss" or "validation.loss", or as Keras does: "val_loss".
 */
import { UserError } from "../../core/errors.ts";
import { type OptionTable, oneOf, text } from "../../core/options.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import { closest } from "../../core/spelling.ts";
import type { Evaluated, Scores } from "../history.ts";
import type { TrainBegin } from "./callback.ts";

/** Whether smaller or larger values are better; "auto" follows from the name. */
export type MonitorMode = "auto" | "min" | "max";

export interface MonitorOptions {
  /** The score: "validation.loss" by default. Keras's names do too: "val_loss". */
  readonly monitor?: string;
  /** Which values are better: "auto", the default, knows losses, errors, accuracies and the like by their names. */
  readonly mode?: MonitorMode;
}

export const monitorTable: OptionTable<MonitorOptions> = { monitor: text, mode: oneOf("auto", "min", "max") };

/** A score of the training, or of the validation. */
export interface ScoreName {
  readonly of: "training" | "validation";
  readonly name: string;
}

/** Null where the run has no such score. */
export function findScore(given: string, { scores }: Pick<TrainBegin, "scores">): ScoreName | null {
  const find = (name: string): string | undefined => scores.find((it) => it === name || it === camelCase(name));
  const own = find(given);
  if (own !== undefined) return { of: "training", name: own };
  const [, rest] = /^(?:validation\.|val_|val(?=[A-Z]))(.+)$/.exec(given) ?? [];
  const name = rest === undefined ? undefined : (find(rest) ?? find(rest.charAt(0).toLowerCase() + rest.slice(1)));
  return name === undefined ? null : { of: "validation", name };
}

/** All names of scores that a run has, as the history has them. */
export function scoreNames({ scores, validates }: Pick<TrainBegin, "scores" | "validates">): readonly string[] {
  return [...scores, ...(validates ? scores.map((name) => `validation.${name}`) : [])];
}

/** "mean_absolute_error" as ours. */
function camelCase(name: string): string {
  return name.replace(/_([a-z\d])/g, (_, letter: string) => letter.toUpperCase());
}

/** What the history keeps of an epoch, or of the batches so far. */
export interface Scored {
  readonly validation?: Evaluated;
}

export class Monitor {
  readonly #call: string;
  readonly #given: string;
  readonly #mode: MonitorMode;
  readonly #origin: Origin;
  readonly #minDelta: number;
  #score: ScoreName | null = null;
  #isLess = true;

  constructor(
    call: string,
    { monitor = "validation.loss", mode = "auto" }: MonitorOptions,
    origin: Origin,
    minDelta = 0,
  ) {
    this.#call = call;
    this.#given = monitor;
    this.#mode = mode;
    this.#origin = origin;
    this.#minDelta = minDelta;
  }

  /** Finds the score in a run. A UserError says where there is none, or which way it is better cannot be told. */
  begin(run: TrainBegin): void {
    const found = findScore(this.#given, run);
    const known = scoreNames(run);
    if (found === null) {
      const meant = closest(this.#given, known);
      const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
      throw this.#refuse(`there is no score "${this.#given}"${hint} (there are: ${known.join(", ")})`);
    }
    if (found.of === "validation" && !run.validates) {
      throw this.#refuse(
        `it looks at ${this.#given}, and this fit has no validation: give it validation or validationSplit, or monitor: "${found.name}"`,
      );
    }
    this.#score = found;
    const mode = this.#mode === "auto" ? modeOf(found.name) : this.#mode;
    if (mode === null) {
      throw this.#refuse(`whether a smaller or a larger "${found.name}" is better nobody can tell by its name: say mode: "min" or "max"`); // biome-ignore format: short
    }
    this.#isLess = mode === "min";
  }

  /** Whether the score is known at the end of an epoch only. */
  get isOfValidation(): boolean {
    return this.#score?.of === "validation";
  }

  /** Whether the epoch has it: not where it is one of the validation, and that is not due. */
  isIn({ validation }: Scored): boolean {
    return !this.isOfValidation || validation !== undefined;
  }

  /** Its value; NaN where it has none. */
  of(record: Scored & Scores): number {
    const scores = this.isOfValidation ? record.validation : record;
    const value: unknown = Object.entries(scores ?? {}).find(([name]) => name === this.#score?.name)?.[1];
    return typeof value === "number" ? value : Number.NaN;
  }

  /** Whether it is better, by more than `minDelta`. No number is worse than any other; null stands for none so far. */
  isBetter(value: number, than: number | null): boolean {
    if (Number.isNaN(value)) return false;
    if (than === null || Number.isNaN(than)) return true;
    return this.#isLess ? value + this.#minDelta < than : value - this.#minDelta > than;
  }

  #refuse(why: string): UserError {
    return new UserError(`${this.#call}: ${why}${atLine(this.#origin)}`);
  }
}

const smaller =
  /(?:loss|error|entropy|hinge|poisson|divergence|logcosh|perplexity|false(?:positives|negatives)|^ms?[sa]p?e|^msle)$/i;
const larger =
  /(?:acc|accuracy|precision|recall|auc|iou|similarity|score|true(?:positives|negatives)|at(?:precision|recall|sensitivity|specificity))$/i;

/** By the name that a metric has; one of several outputs has the output's in front of it. */
function modeOf(name: string): "min" | "max" | null {
  const last = name.replace(/_\d+$/, "").replace(/^.*_/, "");
  if (smaller.test(last)) return "min";
  return larger.test(last) ? "max" : null;
}
