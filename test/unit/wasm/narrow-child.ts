/**
 * A training run in an engine that cannot join vectors, for engine.test.ts, which starts it in a process of its own.
 *
 *   whole      nothing is changed here (but Node may have been started with flags)
 *   renamed    the flag has another name: V8 says so on stderr, and joins nothing
 *   gone       flags cannot be set
 *   wrong      the module that shows whether vectors are joined computes something else
 *
 * Prints one line of JSON.
 */
import v8 from "node:v8";
import { adam, dense, sequential, trainer } from "tensorloom";

const [how = "whole"] = process.argv.slice(2);
const { setFlagsFromString } = v8;
const flag = "experimental-wasm-revectorize";

if (how === "renamed")
  Object.assign(v8, { setFlagsFromString: (word: string) => setFlagsFromString(word.replace(flag, "joined-vectors")) });
if (how === "gone")
  Object.assign(v8, {
    setFlagsFromString: (word: string) => {
      if (word.includes(flag)) throw new Error("flags are locked");
      setFlagsFromString(word);
    },
  });
if (how === "wrong") {
  const { Module } = WebAssembly;
  let isFirst = true;
  WebAssembly.Module = class extends Module {
    constructor(bytes: BufferSource) {
      const isProbe = bytes instanceof Uint8Array && Buffer.from(bytes).includes("check");
      super(isFirst && isProbe ? withoutSub(bytes) : bytes);
      isFirst &&= !isProbe;
    }
  };
}

/** Each f32x4.sub is an f32x4.add. */
function withoutSub(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const wrong = Uint8Array.from(bytes);
  for (let i = 0; i + 2 < wrong.length; i++)
    if (wrong[i] === 0xfd && wrong[i + 1] === 0xe5 && wrong[i + 2] === 0x01) wrong[i + 1] = 0xe4;
  return wrong;
}

const warnings: string[] = [];
const net = trainer(sequential([dense(32, { activation: "tanh" }), dense(3, { activation: "softmax" })]), {
  input: [16],
  loss: "softmaxCrossEntropy",
  optimizer: adam(),
});
const { report } = await net.compile({
  target: "wasm",
  threads: 2,
  batch: 24,
  seed: 3,
  onWarning: (text) => warnings.push(text),
});
const x = Float32Array.from({ length: 240 * 16 }, (_, i) => Math.sin(i * i));
const y = Uint8Array.from({ length: 240 }, (_, i) => (i * 7) % 3);
const { epochs } = await net.fit({ x, y, epochs: 3 });
net.dispose();
console.log(JSON.stringify({ device: report.device, remarks: report.remarks, warnings, losses: epochs.map(({ loss }) => loss) })); // biome-ignore format: short
