/**
 * A target is one value: all that the pipeline asks of it, and all that is printed for it. Each stands in a folder of its own,
 * codegen/<name>/target.ts. What runs its artifacts is a device (src/runtime/<name>/device.ts); a target without one is an
 * exporter: its artifacts become files (files.ts).
 *
 *   facts       what is known of the machine before it is open: a GPU's limits, what an engine has
 *   artifact    plain data; printed once, read by the machine, `compile`, `inspect` and the command line
 */
import type { OwnMoves, Policy, Scheduling } from "../passes/schedule/schedule.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import type { JsMoveName, WasmMoveName, WgslMoveName } from "../src/kernel/moves.ts";
import type { TargetTraits } from "../src/kernel/target.ts";
import { type Addresses, type Artifact, alone, type Crew } from "../src/program/artifact.ts";
import type { Sequence } from "../src/program/sequence.ts";
import type { Tolerances } from "./tolerance.ts";

export interface Target<A extends Artifact, Facts> {
  readonly name: string;
  /** How far its results may be off, for each class of error of the op table. */
  readonly tolerances: Tolerances;
  /** To print for where no machine is at hand: what comes out runs wherever the target does. */
  readonly portable: Facts;
  /** What the passes need to know. */
  traits(facts: Facts): TargetTraits;
  /** Which moves make its kernels of the passes' loops. A policy that asks for moves of its own comes with how they are made. */
  scheduling(
    facts: Facts,
  ): Scheduling &
    ({ readonly policy: Policy } | OwnMoves<JsMoveName> | OwnMoves<WasmMoveName> | OwnMoves<WgslMoveName>);
  /** Other ways to schedule a kernel, for who measures which is best on this machine (src/tuning). */
  candidates?(facts: Facts): readonly Candidate[];
  /** A kernel as the printer takes it: what the target means otherwise is said otherwise. */
  legalize(kernel: Kernel, facts: Facts): Kernel;
  /**
   * For the entries of one compilation: a kernel that it has printed for one it need not print for another. `isClocked`: to be timed
   * launch by launch, where the code itself must have a part in that.
   */
  printer(facts: Facts): (sequence: Sequence, addresses: Addresses, crew: Crew, isClocked?: boolean) => A;
}

/** A way to schedule a kernel that is not the usual one: other numbers for the target's policy, and so other lists of moves. */
export interface Candidate {
  /** The numbers, for people and for files: no other candidate of the target has it. */
  readonly name: string;
  readonly scheduling: Scheduling;
}

/** A target with what is known of its machine: what the pipeline takes. */
export interface BoundTarget<A extends Artifact = Artifact> {
  readonly traits: TargetTraits;
  readonly tolerances: Tolerances;
  readonly scheduling: Scheduling;
  candidates(): readonly Candidate[];
  /** What its schedules depend on, as JSON: what was measured elsewhere says nothing here. */
  readonly facts: string;
  legalize(kernel: Kernel): Kernel;
  /** What it gives prints for a machine of one thread, unless another is open. */
  printer(): Printer<A>;
}

export type Printer<A> = (sequence: Sequence, addresses: Addresses, crew?: Crew, isClocked?: boolean) => A;

export function bindTarget<A extends Artifact, Facts>(
  target: Target<A, Facts>,
  facts: Facts = target.portable,
): BoundTarget<A> {
  return {
    traits: target.traits(facts),
    tolerances: target.tolerances,
    scheduling: target.scheduling(facts),
    candidates: () => target.candidates?.(facts) ?? [],
    facts: JSON.stringify(facts),
    legalize: (kernel) => target.legalize(kernel, facts),
    printer() {
      const print = target.printer(facts);
      return (sequence, addresses, crew = alone, isClocked = false) => print(sequence, addresses, crew, isClocked);
    },
  };
}
