/**
 * The pages of docs/reference, and which names each has: by the file that declares them, first page first.
 */
export interface Page {
  readonly file: string;
  readonly title: string;
  readonly about: string;
  /** Files under src, or names where a file has several subjects. */
  readonly from: readonly (string | RegExp)[];
}

export const pages: readonly Page[] = [
  {
    file: "layers",
    title: "Layers and models",
    about: "A layer says which parameters it needs for an input and applies them; a model is layers put together.",
    from: [
      /^nn\/(layers\/|regularizers\/|(model(-checks|-contract)?|nested-model)\.ts|ports\.ts)/,
      "dsl/initializers.ts",
    ],
  },
  {
    file: "losses-and-metrics",
    title: "Losses and metrics",
    about: "By name in `trainer`, as functions in a program of one's own, or functions of one's own in either.",
    from: [
      /^nn\/(losses|metrics)\//,
      /^(softmaxCrossEntropy|sigmoidCrossEntropy|meanSquaredError|meanAbsoluteError|huber|accuracy|CrossEntropyOptions)$/,
    ],
  },
  {
    file: "optimizers",
    title: "Optimizers",
    about: "Formulas and defaults are those of Keras 3. The learning rate is state: it can change while training.",
    from: [/^nn\/optimizers\//],
  },
  {
    file: "logging",
    title: "Logs and curves",
    about: "TensorBoard's event files, written and read; loggers; see docs/logging.md.",
    from: [/^io\/tensorboard\//, /^nn\/callbacks\/(tensor-board|csv-logger|json-logger|html-report)/],
  },
  {
    file: "training",
    title: "Training",
    about: "`trainer`: compile, fit, evaluate, predict; callbacks, progress, what a run reports.",
    from: [/^nn\/(?!saved-trainer|from-config|weight-files)/, "data/pixels.ts"],
  },
  {
    file: "data",
    title: "Data",
    about:
      "Datasets: lazy pipelines of elements, from memory and from files; arrays and texts made ready for training.",
    from: [/^data\/(pipeline|sources)\//, /^data\/(arrays|dataset|digits|mnist-bytes|vocabulary)\.ts$/],
  },
  {
    file: "saving",
    title: "Saving and loading",
    about: "Checkpoints, trainers, weights alone, and the files that they are in.",
    from: [
      /^nn\/(saved-trainer|from-config|weight-files)/,
      /^io\//,
      /^(save|load)(Trainer|Checkpoint|Weights)$/,
      /Safetensors/,
    ],
  },
  {
    file: "programs",
    title: "Programs",
    about: "Inputs, state and entries; compiling and running them; expressions on their own.",
    from: [
      /^dsl\/(program|spec)\.ts$/,
      "compile.ts",
      "eager-targets.ts",
      "target-setup.ts",
      "compile-options.ts",
      "tuning/tuned.ts",
      "stages.ts",
      "program/compiled.ts",
      "tools/evaluate.ts",
      /^runtime\//,
      /^(program\/report|targets|tools\/(inspect|doctor))\.ts$/,
    ],
  },
  {
    file: "operations",
    title: "Operations",
    about:
      "What a program is written in: functions of tensors. Shapes broadcast as in NumPy; docs/semantics.md has the special values.",
    from: [/^dsl\/(?!checkpoint|custom|derivatives|grad|jacobian|vmap)/, /^graph\//],
  },
  {
    file: "derivatives",
    title: "Derivatives",
    about: "Requests in the graph, worked out when the program is compiled; and checks of gradients.",
    from: [/^dsl\/(checkpoint|custom|derivatives|grad|jacobian|vmap(-types)?)\.ts$/, "tools/gradient-check.ts"],
  },
  {
    file: "node",
    title: "Node",
    about: 'What only "tensorloom/node" has: data, devices, files, scripts.',
    from: [/^(node|tools\/script)\.ts$/, /^data\//],
  },
  {
    file: "types",
    title: "Types",
    about: "What the signatures on the other pages are made of: for annotating what one writes around them.",
    from: [/^dsl\/(shape-types|part-types|tree)\.ts$/, /^(kernel\/|program\/buffer|core\/(?!errors))/],
  },
  { file: "errors", title: "Errors", about: "What is thrown, and by whose fault.", from: ["core/errors.ts"] },
];
