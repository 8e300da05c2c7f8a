/**
 * What the page and its worker say to each other. The page sends commands and draws what it is told; the worker owns the network, the
 * digits and the device, and never waits for the page.
 *
 *   page    start, pause, goOn, move, predict, sample, save        ->  worker
 *   worker  places, digits, stage, steps, tested, weights, notice  ->  page
 */

/** The networks of examples/mnist-mlp.ts and examples/cnn.ts. */
export type NetworkName = "mlp" | "cnn";

/** Where the step runs: WebGPU, WebAssembly on threads or on one, JavaScript; "auto" is for tensorloom to choose. */
export type Place = "auto" | "wgsl" | "threads" | "wasm" | "js";

/** Drawn by the page, MNIST as the server has it, or files that the visitor picks. */
export type DigitsName = "drawn" | "served" | "own";

/** What is trained. Numbers follow from it: the same plan gives the same losses on `js`, here and in Node. */
export interface Plan {
  readonly network: NetworkName;
  readonly digits: DigitsName;
  /** Images to train on; null for all of them. */
  readonly images: number | null;
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  readonly seed: number;
}

/** Four IDX files, gzipped or not, by their usual names. */
export type OwnFiles = readonly { readonly name: string; arrayBuffer(): Promise<ArrayBuffer> }[];

export type Command =
  /** A new network, trained from its first step. What was trained before is dropped. */
  | { readonly kind: "start"; readonly plan: Plan; readonly place: Place; readonly files: OwnFiles }
  | { readonly kind: "pause" }
  /** After a pause the rest of the run; after its end so many epochs more. */
  | { readonly kind: "goOn"; readonly epochs: number }
  /** The same network on another device, in the middle of its run. */
  | { readonly kind: "move"; readonly place: Place }
  /** A drawn digit, 28 x 28 bytes; null where there is none any more. It is looked at again as the network learns. */
  | { readonly kind: "predict"; readonly pixels: Uint8Array | null }
  /** One of the test images, for the pad. */
  | { readonly kind: "sample" }
  /** The trained network as a file that `loadTrainer` reads. */
  | { readonly kind: "save" }
  /** For trying it out: destroys the GPU's device, as a driver may at any time. */
  | { readonly kind: "loseGpu" };

/** What was found out about a place. */
export interface PlaceExam {
  readonly place: Exclude<Place, "auto">;
  readonly works: boolean;
  /** The device, or why it does not work and what would help. */
  readonly detail: string;
}

export type Stage = "idle" | "preparing" | "training" | "paused" | "done" | "failed";

/** A test image that is taken for another digit. */
export interface Mistake {
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly taken: number;
  /** Of the wrong answer. */
  readonly probability: number;
}

export type Message =
  | { readonly kind: "places"; readonly exams: readonly PlaceExam[] }
  | { readonly kind: "digits"; readonly about: string; readonly train: number; readonly test: number }
  | { readonly kind: "stage"; readonly stage: Stage; readonly text: string }
  /** Once for each compilation. */
  | {
      readonly kind: "compiled";
      /** What was asked for, or taken in its place. */
      readonly place: Place;
      /** "wasm (2 threads)". */
      readonly device: string;
      readonly why: string;
      readonly launches: number;
      readonly milliseconds: number;
      readonly parameters: number;
      readonly stepsPerEpoch: number;
      /** Steps of the whole run. */
      readonly steps: number;
    }
  /** Readings since the last message; each is a mean over the images since the one before. */
  | {
      readonly kind: "steps";
      /** Steps that were done, counted from 1 over all epochs. */
      readonly steps: readonly number[];
      readonly losses: readonly number[];
      readonly accuracies: readonly number[];
      /** Null until there is something to measure. */
      readonly samplesPerSecond: number | null;
    }
  /** Answers on test images: some of them now and then, all of them after each epoch. */
  | {
      readonly kind: "tested";
      readonly step: number;
      readonly loss: number;
      readonly accuracy: number;
      readonly images: number;
      readonly isWhole: boolean;
      readonly mistakes: readonly Mistake[];
      readonly wrong: number;
    }
  /** The first layer's weights, one small picture a unit. */
  | {
      readonly kind: "weights";
      readonly units: number;
      /** Of how many. */
      readonly of: number;
      readonly side: number;
      /** units * side * side numbers. */
      readonly values: Float32Array;
    }
  | { readonly kind: "prediction"; readonly probabilities: readonly number[] | null }
  | { readonly kind: "sample"; readonly pixels: Uint8Array; readonly label: number }
  | { readonly kind: "saved"; readonly bytes: Uint8Array; readonly name: string }
  /** Training goes on from an earlier step: what was told of later ones is void. */
  | { readonly kind: "rewind"; readonly step: number }
  | { readonly kind: "notice"; readonly tone: "info" | "warning" | "error"; readonly text: string };
