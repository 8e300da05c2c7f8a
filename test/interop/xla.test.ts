/**
 * What is exported as StableHLO, run by XLA: every op and composite against the float64 oracle, training against `js`, on one device,
 * two devices and two processes, broken off and gone on with. These run where the environment variable JAX_PYTHON names a Python
 * that has jax.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hloModule } from "../../codegen/stablehlo/module.ts";
import { xlaTolerances } from "../../codegen/stablehlo/tolerances.ts";
import { encodeCheckpoint, fingerprintOf } from "../../src/io/checkpoint.ts";
import { writeNpz } from "../../src/io/npz.ts";
import type { StoredTensor } from "../../src/io/safetensors.ts";
import { startValuesOf } from "../../src/runtime/start-values.ts";
import { stableHloFolder } from "../../src/tools/cli/stablehlo-folder.ts";
import { minutes, testEveryOp } from "./every-op.ts";
import { launch } from "./launcher.ts";
import {
  batch,
  digits,
  type OptimizerName,
  optimizerNames,
  ownLosses,
  programBy,
  samples,
  seed,
  steps,
} from "./short-training.ts";
import { testSpecialValues } from "./special-values.ts";
import { python, Xla } from "./xla.ts";

describe("every op", () => {
  let xla: Xla;
  beforeAll(() => {
    xla = new Xla();
  });
  afterAll(() => xla.stop());

  testEveryOp("XLA", xlaTolerances, (entry, given) => xla.run(hloModule(entry), given));

  describe("on special values", () => testSpecialValues((entry, given) => xla.run(hloModule(entry), given)));
});

// ---- training ------------------------------------------------------------------------------------------------------

const folder = mkdtempSync(join(tmpdir(), "tensorloom-xla-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { x, y } = digits();
const data = join(folder, "data.npz");
beforeAll(async () => {
  const x32 = { dtype: "f32", shape: [samples, 784], data: x } as const;
  const y32 = { dtype: "i32", shape: [samples], data: y } as const;
  writeFileSync(
    data,
    await writeNpz(
      new Map<string, StoredTensor>([
        ["x", x32],
        ["y", y32],
      ]),
    ),
  );
});

function exported(optimizer: OptimizerName, mesh: readonly { readonly name: string; readonly size: number }[]): string {
  const program = programBy(optimizer);
  const state = startValuesOf(program.states, seed);
  const checkpoint = encodeCheckpoint({ fingerprint: fingerprintOf(program), state, seed });
  const path = mkdtempSync(join(folder, `${optimizer}-`));
  const files = stableHloFolder(program, checkpoint, { dims: { batch }, entries: ["train"], mesh });
  for (const [name, content] of files) writeFileSync(join(path, name), content);
  return path;
}

const two = [{ name: "data", size: 2 }];

/** The losses that a run has logged, by step. */
function losses(log: string): readonly number[] {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const told = lines.map((line) => JSON.parse(line) as { event: string; step: number; loss: number });
  const found: number[] = [];
  for (const { event, step, loss } of told) if (event === "batch") found[step - 1] = loss;
  return found;
}

async function trained(name: string, path: string, more: readonly string[]): Promise<readonly number[]> {
  const log = join(folder, `${name}.jsonl`);
  const args = ["run", path, "--data", data, "--steps", String(steps), "--log", log, "--quiet", ...more];
  const { status, err } = await launch(args).ended;
  expect({ status, err: status === 0 ? "" : err }).toEqual({ status: 0, err: "" });
  return losses(log);
}

function apart(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(steps);
  return Math.max(...a.map((loss, i) => Math.abs(loss - (b[i] ?? Number.NaN)) / Math.abs(loss)));
}

describe("a training step", () => {
  test.each(optimizerNames)("with %s has the losses of js", { timeout: 2 * minutes }, async (optimizer) => {
    const found = await trained(optimizer, exported(optimizer, []), []);
    expect(apart(await ownLosses(optimizer, { x, y }), found)).toBeLessThan(1e-5);
  });

  test("has them on two devices and on two processes, which are alike to the last bit", {
    timeout: 3 * minutes,
  }, async () => {
    const own = await ownLosses("adam", { x, y });
    const path = exported("adam", two);
    const [devices, processes] = [join(folder, "devices.st"), join(folder, "processes.st")];
    const onDevices = await trained("devices", path, ["--devices", "2", "--checkpoint", devices]);
    const onProcesses = await trained("processes", path, ["--processes", "2", "--checkpoint", processes]);
    expect(apart(own, onDevices)).toBeLessThan(1e-5);
    expect(onProcesses).toEqual(onDevices);
    expect(readFileSync(processes).equals(readFileSync(devices))).toBe(true);
  });

  test("two processes that are told to stop, though only one of them is, stop after the same step and save it", {
    timeout: 3 * minutes,
  }, async () => {
    const path = exported("sgd", two);
    const whole = await trained("unbroken", path, ["--processes", "2"]);
    for (const place of [undefined, 1]) {
      const [log, checkpoint] = [join(folder, `stopped-${place}.jsonl`), join(folder, `stopped-${place}.st`)];
      const common = ["run", path, "--data", data, "--processes", "2", "--checkpoint", checkpoint, "--log", log];
      const stopped = launch([...common, "--steps", "1000000", "--quiet"]);
      while (!readFileSync(log, { encoding: "utf8", flag: "a+" }).includes('"step": 5,')) await wait(20);
      const pid = stopped.child.pid ?? expect.fail("not started");
      process.kill(place === undefined ? pid : (workersOf(pid)[place] ?? expect.fail("no such process")), "SIGTERM");
      expect(await stopped.ended).toMatchObject({ status: 0, err: "" });
      expect(readFileSync(log, "utf8")).toMatch(/"event": "end".*"stopped": "signal"/);
      const done = losses(log).length;
      const known = Math.min(done, steps);
      expect(losses(log).slice(0, known)).toEqual(whole.slice(0, known));
      writeFileSync(log, "");
      const resumed = await launch([...common, "--resume", "--steps", String(done + 1), "--quiet"]).ended;
      expect(resumed).toMatchObject({ status: 0, err: "" });
      expect(JSON.parse(readFileSync(log, "utf8").split("\n")[0] ?? "")).toMatchObject({ event: "begin", step: done });
    }
  });

  test("one of two processes dies: the job ends and says so, and goes on as if nothing had been", {
    timeout: 3 * minutes,
  }, async () => {
    const path = exported("rmsprop", two);
    const log = join(folder, "broken.jsonl");
    const checkpoint = join(folder, "broken.st");
    const common = [
      "run",
      path,
      "--data",
      data,
      "--processes",
      "2",
      "--checkpoint",
      checkpoint,
      "--every",
      "10",
      "--log",
      log,
    ];
    const broken = launch([...common, "--steps", "1000000", "--quiet"]);
    while (!readFileSync(log, { encoding: "utf8", flag: "a+" }).includes('"step": 25,')) await wait(50);
    const victim = workersOf(broken.child.pid ?? 0)[1] ?? expect.fail("no second process");
    process.kill(victim, "SIGKILL");
    const began = Date.now();
    const { status, err } = await broken.ended;
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(status).toBe(1);
    expect(err).toMatch(/process 1 of 2 was ended by signal 9, and no other can go on without it; .*--resume/);

    writeFileSync(log, "");
    const resumed = await launch([...common, "--resume", "--steps", String(steps), "--quiet"]).ended;
    const done = (JSON.parse(readFileSync(log, "utf8").split("\n")[0] ?? "") as { step: number }).step;
    if (done < steps) {
      expect(resumed.status).toBe(0);
      const whole = await trained("whole", path, ["--processes", "2"]);
      expect(losses(log).slice(done)).toEqual(whole.slice(done));
    }
    expect(done % 10).toBe(0);
  });
});

describe("what a user may get wrong is an error in a line, with status 2:", () => {
  const path = exported("sgd", two);
  const [one, plain] = [exported("sgd", []), join(folder, "one-array.npy")];
  const head = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}\n";
  writeFileSync(plain, Buffer.from(`\x93NUMPY\x01\x00${String.fromCharCode(head.length)}\x00${head}!`, "latin1"));
  const given = ["--data", data, "--steps", "5"];

  test.each([
    ["no data", [one, "--steps", "5"], /the entry is fed x, y: --data names an npz file/],
    ["no npz file", [one, "--data", plain, "--steps", "5"], /one-array\.npy: .* one array without a name/],
    ["no folder for the checkpoint", [one, ...given, "--checkpoint", "/none/a.st"], /there is no folder \/none/],
    ["no folder for the log", [one, ...given, "--log", "/none/a.jsonl"], /\/none\/a\.jsonl: cannot be written/],
    ["how often, and nothing to save to", [one, ...given, "--every", "5"], /--every .* --checkpoint/],
    ["no device", [one, ...given, "--platform", "tpu"], /jax finds no device/],
    ["no number", [one, "--steps", "many"], /'many' is no whole number from 0/],
    [
      "processes with nothing to do",
      [path, ...given, "--processes", "2", "--devices", "2"],
      /nothing to do for process 1/,
    ],
  ] as const)("%s", { timeout: minutes }, async (_, args, message) => {
    const { status, err } = await launch(["run", ...args]).ended;
    expect(err).toMatch(message);
    expect(err).not.toMatch(/Traceback/);
    expect(status).toBe(2);
  });
});

test("10,000 manifests and checkpoints with something changed are read, or refused in words", {
  timeout: 3 * minutes,
}, () => {
  const script = fileURLToPath(new URL("./mutated.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [script, exported("sgd", two), "10000"], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const [read = 0, refused = 0] = stdout.trim().split(" ").map(Number);
  expect(read + refused).toBe(10_000);
  expect(refused).toBeGreaterThan(5_000);
});

/** The processes that another started, as Linux tells them. */
function workersOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").map(Number);
}
