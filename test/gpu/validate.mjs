/**
 * Shader modules, a list of texts as JSON on stdin, through the compiler of Dawn's null backend, which has every feature and no GPU. Prints
 * what it says, or how many there were. A process of its own, as Dawn may end one.
 */
import { readFileSync } from "node:fs";
import { create } from "webgpu";

const gpu = create(["backend=null", "enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis"]);
globalThis.keptGpu = gpu; // Dawn may crash when its instance is released
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice({
  requiredFeatures: ["shader-f16", "chromium-experimental-subgroup-matrix", "subgroups"],
});
const sources = JSON.parse(readFileSync(0, "utf8"));
for (const code of sources) {
  device.pushErrorScope("validation");
  const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
  const error = await device.popErrorScope();
  for (const { lineNum, message } of messages) console.log(`${lineNum}: ${message}\n${code}`);
  if (error !== null && messages.length === 0) console.log(error.message);
}
console.log(`${sources.length} modules`);
process.exit(0);
