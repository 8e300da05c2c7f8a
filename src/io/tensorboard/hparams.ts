/**
 * Hyper-parameters, as TensorBoard's plugin of that name has them: those of a run (a session), and, where it is said, which scores
 * its table is to show.
 */
import { createHash } from "node:crypto";
import { Fields, Message } from "./wire.ts";

/** A number, a text or a truth value for each name. */
export type HyperParameters = Readonly<Record<string, number | string | boolean>>;

export const hparamsTags = {
  experiment: "_hparams_/experiment",
  start: "_hparams_/session_start_info",
  end: "_hparams_/session_end_info",
} as const;

/** Numbers in DataType of the plugin. */
const kinds = { string: 1, boolean: 2, number: 3 } as const;

/** The table's columns: parameters with their kinds, and the tags of scores. */
export function encodeExperiment(values: HyperParameters, metrics: readonly string[]): Uint8Array {
  return Message.bytes((data) =>
    data.message(2, (experiment) => {
      for (const [name, value] of Object.entries(values)) {
        experiment.message(4, (info) => info.text(1, name).int(4, kindOf(value)));
      }
      for (const tag of metrics) experiment.message(5, (info) => info.message(1, (metric) => metric.text(2, tag)));
    }),
  );
}

/** Runs with the same values are one group of the table. */
export function encodeSessionStart(values: HyperParameters, time: number): Uint8Array {
  const sorted = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
  const group = createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
  return Message.bytes((data) =>
    data.message(3, (start) => {
      for (const [name, value] of sorted) start.member(1, name, (member) => writeValue(member, value));
      start.text(4, group).double(5, time);
    }),
  );
}

/** The run has come to its end as it should. */
export function encodeSessionEnd(time: number): Uint8Array {
  return Message.bytes((data) => data.message(4, (end) => end.int(1, 1).double(2, time)));
}

function kindOf(value: number | string | boolean): number {
  if (typeof value === "number") return kinds.number;
  return typeof value === "string" ? kinds.string : kinds.boolean;
}

function writeValue(member: Message, value: number | string | boolean): void {
  if (typeof value === "number") member.double(2, value);
  else if (typeof value === "string") member.text(3, value);
  else member.flag(4, value);
}

/** The hyper-parameters in what `encodeSessionStart` made, or another program. */
export function readSessionStart(content: Uint8Array): HyperParameters {
  const members = new Fields(content).message(3).messages(1);
  return Object.fromEntries(members.map((member) => [member.text(1), readValue(member.message(2))]));
}

function readValue(value: Fields): number | string | boolean {
  if (value.has(3)) return value.text(3);
  return value.has(4) ? value.int(4) !== 0 : value.double(2);
}
