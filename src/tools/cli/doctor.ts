/**
 * tensorloom doctor: which targets work on this machine, and what to do about those that do not.
 *
 *   js     works: js
 *   wasm   works: wasm (2 threads)
 *          one thread, every operation rounded (precise: true): works
 *          vectors of 256 bits: does not work: Node 20 cannot join vectors: Node 24 and newer can
 *          2 threads: works
 *   wgsl   does not work: WebGPU found no GPU.
 *          What to do: npm install webgpu, and the GPU's driver
 */
import { styleText } from "node:util";
import { nodeGpu } from "../../node.ts";
import { examineTargets, type TargetExam, type WayExam } from "../doctor.ts";
import { engineName } from "../engine-name.ts";

export interface DoctorOptions {
  readonly json: boolean;
}

/** Tells on stdout; returns the exit code: 0 when some target works. */
export async function doctor({ json }: DoctorOptions): Promise<number> {
  const exams = await examineTargets({ gpu: nodeGpu });
  if (json)
    process.stdout.write(`${JSON.stringify({ engine: engineName(), node: process.version, targets: exams })}\n`);
  else process.stdout.write(tell(exams));
  return exams.some(({ works }) => works) ? 0 : 1;
}

function tell(exams: readonly TargetExam[]): string {
  const lines = exams.flatMap(tellOne);
  const usable = exams.filter(({ works }) => works).map(({ target }) => target);
  const sum =
    usable.length === 0
      ? "No target works here."
      : `Works here: ${usable.join(", ")} (a training step was computed on each, and compared with js).`;
  return `${[`${engineName()} on ${process.platform} ${process.arch}`, "", ...lines, "", sum].join("\n")}\n`;
}

function tellOne({ target, works, device, reason, advice, ways = [] }: TargetExam): string[] {
  const name = target.padEnd(6);
  if (works) return [`${name} ${paint("green", "works")}: ${device ?? "no name"}`, ...ways.map(tellWay)];
  const why = `${name} ${paint("yellow", "does not work")}: ${indent(reason ?? "for no known reason")}`;
  return advice === undefined ? [why] : [why, `       What to do: ${indent(advice)}`];
}

function tellWay({ way, works, reason }: WayExam): string {
  const how = works
    ? paint("green", "works")
    : `${paint("yellow", "does not work")}: ${indent(reason ?? "for no known reason")}`;
  return `       ${way}: ${how}`;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n       ");
}

function paint(color: "green" | "yellow", text: string): string {
  return process.stdout.isTTY === true && process.env.NO_COLOR === undefined ? styleText(color, text) : text;
}
