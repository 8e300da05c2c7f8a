/**
 * Which targets work here, and what to do about those that do not.
 *
 * A target works when one training step of a small network gives the same numbers on it as on `js`: a driver may accept
 * every kernel and still compute something else. `wasm` has more than one way to run a step, and each is tried.
 */
import { compileOn } from "../compile.ts";
import { messageOf, UserError } from "../core/errors.ts";
import { callable, checkArguments, checkOptions, either, type OptionTable, object } from "../core/options.ts";
import { RandomStream } from "../core/random.ts";
import { normal, zeros } from "../dsl/initializers.ts";
import { add, grad, matmul, softmaxCrossEntropy, sum, tanh } from "../dsl/ops.ts";
import { program } from "../dsl/program.ts";
import { f32, i32, param } from "../dsl/spec.ts";
import { type TargetName, targetNames } from "../kernel/target.ts";
import { rmsprop } from "../nn/optimizers/rmsprop.ts";
import type { Gpu } from "../runtime/platform.ts";
import { engineFeatures } from "../runtime/wasm/found.ts";
import { chooseThreads, findHost } from "../runtime/wasm/host.ts";
import { browserGpu } from "../runtime/webgpu/connection.ts";
import { chooseTarget, type TargetOptions } from "../targets.ts";

/** What was found out about a target. */
export interface TargetExam {
  /** Its name. */
  readonly target: TargetName;
  /** Whether a small network was trained with it. */
  readonly works: boolean;
  /** What would run the kernels: "wgsl (NVIDIA H200)". */
  readonly device?: string;
  /** Why it does not work. */
  readonly reason?: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The ways in which the target can run, where there are several. It works where the plainest of them does. */
  readonly ways?: readonly WayExam[];
}

export interface WayExam {
  /** "one thread, every operation rounded", say. */
  readonly way: string;
  readonly works: boolean;
  /** Why it does not work, or is not there. */
  readonly reason?: string;
}

/** What is examined. */
export interface ExamineOptions {
  /** WebGPU, or how to get it (`nodeGpu` in Node). `navigator.gpu` by default. */
  readonly gpu?: Gpu | (() => Promise<Gpu>);
}

export interface SelfCheck {
  readonly device: string;
  /** What the compiler warned of: why there is but one thread. */
  readonly warnings: readonly string[];
  /** The largest |found - expected| / (1 + |expected|) over loss, weights and moments. */
  readonly worst: number;
}

/** The most that `SelfCheck.worst` may be: a sound target is within a hundredth of it. */
const tolerance = 1e-4;

const optionTable: OptionTable<ExamineOptions> = { gpu: either(object<Gpu>(), callable<() => Promise<Gpu>>()) };

/** Tries every target. Throws for nothing but options that are none: what goes wrong is the reason that a target does not work. */
export async function examineTargets(options: ExamineOptions = {}): Promise<readonly TargetExam[]> {
  checkArguments("examineTargets", arguments, 1);
  checkOptions("examineTargets", options, optionTable);
  const found: TargetExam[] = [];
  const onJs = stepOnJs();
  for (const name of targetNames) found.push(await exams[name](onJs, options));
  return found;
}

/** The step that others are compared with; it is computed when it is first asked for. */
type Baseline = () => Promise<Stepped>;

function stepOnJs(): Baseline {
  let stepped: Promise<Stepped> | undefined;
  return () => {
    stepped ??= oneStep({ target: "js" });
    return stepped;
  };
}

const exams: Readonly<Record<TargetName, (onJs: Baseline, options: ExamineOptions) => Promise<TargetExam>>> = {
  js: (onJs) => examine("js", onJs, async () => ({ target: "js" })),
  wasm: examineWasm,
  wgsl: (onJs, { gpu = browserGpu() }) =>
    examine("wgsl", onJs, async () => {
      const found = typeof gpu === "function" ? await gpu() : gpu;
      return { target: "wgsl", ...(found === undefined ? {} : { gpu: found }) };
    }),
};

/** One thread with the same bits everywhere comes first: it needs the least, and the target works where it does. */
async function examineWasm(onJs: Baseline): Promise<TargetExam> {
  const plain = await examine("wasm", onJs, async () => ({ target: "wasm", threads: 1, precise: true }));
  if (!plain.works) return plain;
  const { threads } = chooseThreads("auto", findHost());
  const many = Math.max(2, threads);
  const relaxed = engineFeatures(true).relaxed
    ? await examineWay(onJs, "one thread, multiply-adds rounded once", { threads: 1 })
    : { way: "multiply-adds rounded once", works: false, reason: "the engine has no relaxed SIMD" };
  const wide = await examineWay(onJs, "vectors of 256 bits", { threads: 1, vectors: 256 });
  const shared = await examineWay(onJs, `${many} threads`, { threads: many });
  return {
    ...plain,
    ...(threads > 1 && shared.works ? { device: `wasm (${threads} threads)` } : {}),
    ways: [{ way: "one thread, every operation rounded (precise: true)", works: true }, relaxed, wide, shared],
  };
}

async function examineWay(onJs: Baseline, way: string, options: TargetOptions): Promise<WayExam> {
  const warnings: string[] = [];
  const { works, reason } = await examine("wasm", onJs, async () => ({ target: "wasm", ...options }), warnings);
  const why = (reason ?? warnings[0])?.replace(/^vectors of 128 bits: /, "");
  return why === undefined ? { way, works } : { way, works: false, reason: why };
}

/** One training step of a small network on a target and on `js`, from the same start. */
export async function selfCheck(options: TargetOptions, onJs: Baseline = stepOnJs()): Promise<SelfCheck> {
  const expected = await onJs();
  const found = await oneStep(options);
  let worst = 0;
  for (const [name, values] of expected.values) {
    const others = found.values.get(name);
    for (let i = 0; i < values.length; i++) {
      const [wanted, got] = [values[i] ?? 0, others?.[i] ?? Number.NaN];
      const difference = Math.abs(got - wanted) / (1 + Math.abs(wanted));
      worst = difference <= worst ? worst : difference; // NaN stays
    }
  }
  return { device: found.device, warnings: found.warnings, worst };
}

async function examine(
  target: TargetName,
  onJs: Baseline,
  options: () => Promise<TargetOptions>,
  warnings: string[] = [],
): Promise<TargetExam> {
  try {
    const { device, worst, ...told } = await selfCheck(await options(), onJs);
    warnings.push(...told.warnings);
    if (worst <= tolerance) return { target, works: true, device };
    const reason = `a training step differs from js by ${worst.toPrecision(2)}, which is more than ${tolerance}`;
    const advice = `${adviceFor[target].differs ?? ""}please report it with the device's name`;
    return { target, works: false, device, reason, advice };
  } catch (error) {
    const reason = messageOf(error);
    const isTheirs = error instanceof UserError;
    return { target, works: false, reason, advice: isTheirs ? adviceFor[target].lacks : "please report this as a bug" };
  }
}

/** What to do where a target cannot run, and first of all where its numbers differ. */
const adviceFor: Readonly<Record<TargetName, { readonly lacks: string; readonly differs?: string }>> = {
  js: { lacks: "allow compiling JavaScript in the page's content security policy ('unsafe-eval')" },
  wasm: {
    lacks:
      "use an engine with WebAssembly SIMD (Node 20.19 or newer, a browser of 2023 or newer), and allow compiling it in the page's content security policy ('wasm-unsafe-eval')",
  },
  wgsl: {
    lacks: "in Node: npm install webgpu, and the GPU's driver (Vulkan on Linux); in a browser: one with WebGPU",
    differs: "update the GPU's driver; if that does not help, ",
  },
};

// deep and wide enough for blocks, panels and rests of every kind
const [batch, inputs, hidden, classes] = [24, 70, 72, 6];

function smallNetwork() {
  const opt = rmsprop();
  const model = {
    w1: param(normal(0, 0.3, inputs, hidden)),
    b1: param(zeros(hidden)),
    w2: param(normal(0, 0.3, hidden, classes)),
    b2: param(zeros(classes)),
  };
  return program({
    inputs: { x: f32(batch, inputs), label: i32(batch) },
    state: { model, opt: opt.slots(model) },
    step({ x, label }, { model, opt: slots }) {
      const low = tanh(add(matmul(x, model.w1), model.b1));
      const loss = sum(softmaxCrossEntropy(add(matmul(low, model.w2), model.b2), label));
      return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
    },
  });
}

interface Stepped {
  readonly device: string;
  readonly warnings: readonly string[];
  readonly values: ReadonlyMap<string, ArrayLike<number>>;
}

async function oneStep(options: TargetOptions): Promise<Stepped> {
  // By `compileOn`, which does not tell where it was called: that says nothing of why a target does not work.
  const target = await chooseTarget(options, false);
  const executable = await compileOn(smallNetwork(), target, { ...options, seed: 1, onWarning: () => {} });
  try {
    const stream = new RandomStream(1, "self-check");
    const x = Float32Array.from({ length: batch * inputs }, () => stream.uniform(-1, 1));
    const label = Int32Array.from({ length: batch }, () => stream.integer(classes));
    const { loss } = await executable.run({ entry: "step", feeds: { x, label } });
    const states = await executable.state.snapshot();
    const { device, warnings } = executable.report;
    return { device, warnings, values: new Map([...states, ["loss", Float32Array.of(loss)]]) };
  } finally {
    executable.dispose();
  }
}
