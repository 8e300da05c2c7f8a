/** The engine that runs this: its JavaScript, where compiling code is allowed. */
import type { JsArtifact } from "../../../codegen/js/artifact.ts";
import { whyNoJs } from "../code-policy.ts";
import type { Device, Found } from "../device.ts";

export const jsFound: Found<JsArtifact, null> = {
  facts: null,
  forbidden: whyNoJs,
  async machine(stateBytes, options) {
    const { JsMachine } = await import("./machine.ts");
    return new JsMachine(stateBytes, options);
  },
};

export const jsDevice: Device<JsArtifact, null> = {
  rank: 2,
  needsGpu: false,
  policy: "unsafe-eval",
  find: async () => whyNoJs() ?? jsFound,
  demand: async () => jsFound,
};
