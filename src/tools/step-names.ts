/** What runs at each step of a sequence, for people: what lifetimes of buffers count. */
import { unreachable } from "../core/errors.ts";
import { printBuffer } from "../program/buffer.ts";
import { positionsOf, type Sequence } from "../program/sequence.ts";

export function stepNames(sequence: Sequence): readonly string[] {
  return positionsOf(sequence).map(({ step, isEnd }) => {
    switch (step.kind) {
      case "launch":
        return step.name;
      case "copy":
        return `copy to ${printBuffer(step.to)}`;
      case "loop":
      case "while":
      case "if":
        return isEnd ? `end of ${step.name}` : step.kind === "loop" ? `${step.name} x ${step.loop.extent}` : step.name;
      default:
        return unreachable(step);
    }
  });
}
