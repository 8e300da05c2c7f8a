/**
 * Runs the GPU cases (test/gpu/cases) in one child process, and shows each as a test of its own.
 *
 * Starting a driver, a device and a compiler costs far more than a small case, so all cases share them. When the child
 * crashes or hangs, the cases it did not get to fail with what it wrote to stderr.
 *
 *   GPU_CASES=text      run only cases whose "file > name" contains the text
 *   GPU_ADAPTER=system  use the machine's own driver in place of the software one
 *   REQUIRE_GPU=1       (or CI=true) fail, in place of skipping, when there is no adapter
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { workerFlags } from "../worker-flags.ts";
import { findCases, type Message } from "./case.ts";
import { type SoftwareVulkan, softwareVulkan, untar } from "./software.ts";

const deadlineMs = 480_000;
/** How long the child may live on after its device is destroyed. */
const exitMs = 10_000;

/** What became of the child and of every case it ran. */
interface Outcome {
  /** Why no case could run at all, if so. */
  readonly none?: string;
  /** By case id: undefined where it passed, else what it failed with. */
  readonly results: ReadonlyMap<string, string | undefined>;
  /** The case that was running when the child ended. */
  readonly running?: string;
  readonly ending: string;
  readonly endedWell: boolean;
  readonly log: string;
  /** What came on stdout that is none of the child's messages. */
  readonly noise: string;
}

describe("gpu", async () => {
  const found = await findCases(process.env.GPU_CASES ?? "");
  const required = process.env.REQUIRE_GPU === "1" || process.env.CI === "true";
  let outcome: Outcome;

  beforeAll(async () => {
    const driver: SoftwareVulkan =
      process.env.GPU_ADAPTER === "system" ? { kind: "ready", folder: "", env: {} } : await softwareVulkan();
    outcome =
      driver.kind === "ready"
        ? await runChild({ ...process.env, ...driver.env })
        : { none: driver.reason, results: new Map(), ending: "never started", endedWell: false, log: "", noise: "" };
  }, deadlineMs + exitMs);

  const unlessSkipped = (skip: (reason: string) => void): void => {
    if (outcome.none === undefined) return;
    const reason = `no GPU adapter: ${outcome.none}`;
    if (required) throw new Error(`${reason}, and CI=true or REQUIRE_GPU=1 asks for one\n${outcome.log}`);
    skip(reason);
  };

  for (const { id } of found)
    test(id, ({ skip }) => {
      unlessSkipped(skip);
      if (outcome.results.has(id)) {
        const failure = outcome.results.get(id);
        if (failure !== undefined) throw new Error(failure);
        return;
      }
      const last = outcome.running === undefined ? "" : `, in "${outcome.running}"`;
      throw new Error(`the GPU process ${outcome.ending}${last}, before this case had a result\n${outcome.log}`);
    });

  test("the driver writes nothing to stdout, which belongs to the program", ({ skip }) => {
    unlessSkipped(skip);
    expect(outcome.noise).toBe("");
  });

  test("the process ends by itself once its device is destroyed", ({ skip }) => {
    unlessSkipped(skip);
    expect(outcome.endedWell, `it ${outcome.ending}\n${outcome.log}`).toBe(true);
  });
});

describe("untar", () => {
  test("refuses an archive that is cut short, and one that is none", () => {
    const header = new Uint8Array(512);
    const put = (at: number, text: string): void => header.set(new TextEncoder().encode(text), at);
    put(0, "name");
    put(124, "00000000003");
    put(156, "0");
    put(257, "ustar");
    const whole = new Uint8Array(1024 + 1024);
    whole.set(header);
    whole.set([1, 2, 3], 512);
    expect(untar(whole)).toEqual(new Map([["name", Uint8Array.of(1, 2, 3)]]));
    expect(() => untar(whole.subarray(0, 514))).toThrow("cut short");
    expect(() => untar(new Uint8Array(1024).fill(7))).toThrow("not a tar header at byte 0");
  });
});

/** Runs the child to its end, or to the deadline. */
async function runChild(env: NodeJS.ProcessEnv): Promise<Outcome> {
  const path = fileURLToPath(new URL("./child.ts", import.meta.url));
  const root = fileURLToPath(new URL("../..", import.meta.url));
  // Vitest's own NODE_OPTIONS and loaders are not the child's business.
  const { NODE_OPTIONS: _, ...rest } = env;
  const child = spawn(process.execPath, [...workerFlags, "--import", "tsx", path], {
    cwd: root,
    env: rest,
    stdio: ["ignore", "pipe", "pipe"],
  });

  const results = new Map<string, string | undefined>();
  let none: string | undefined;
  let running: string | undefined;
  let log = "";
  let noise = "";
  let ending = "";
  let done = false;
  let timer = setTimeout(() => stop(`was still running after ${deadlineMs / 1000} s`), deadlineMs);
  const stop = (why: string): void => {
    ending = why;
    child.kill("SIGKILL");
  };
  const hear = (message: Message): void => {
    if (message.event === "none") none = message.reason;
    if (message.event === "ready")
      log += `adapter: ${message.adapter}, ready after ${Math.round(message.startMs)} ms\n`;
    if (message.event === "start") running = message.id;
    if (message.event === "pass") results.set(message.id, undefined);
    if (message.event === "text") console.log(message.text);
    if (message.event === "fail") results.set(message.id, message.message);
    if (message.event === "pass" || message.event === "fail") running = undefined;
    if (message.event === "done") {
      done = true;
      clearTimeout(timer);
      timer = setTimeout(() => stop(`did not exit in the ${exitMs / 1000} s after its last case`), exitMs);
    }
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith('{"event":')) hear(JSON.parse(line));
    else noise += `${running ?? "between cases"}: ${line}\n`;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });

  const how = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    child.once("close", (code, signal) => resolve(signal === null ? `exited with ${code}` : `was killed by ${signal}`));
  });
  clearTimeout(timer);
  if (ending === "") ending = how;
  const endedWell = done && ending === "exited with 0";
  return {
    results,
    ending,
    endedWell,
    log: log + noise,
    noise,
    ...(none === undefined ? {} : { none }),
    ...(running === undefined ? {} : { running }),
  };
}
