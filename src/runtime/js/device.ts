/** The engine that runs this: its JavaScript, where compiling code is allowed. */
import type { JsArtifact } from "../../../codegen/js/artifact.ts";
import { policyError, whyNoJs } from "../code-policy.ts";
import type { Device, Found } from "../device.ts";
import { JsMachine } from "./machine.ts";

export const jsFound: Found<JsArtifact, null> = {
  facts: null,
  async machine(stateBytes, options) {
    const lack = whyNoJs();
    if (lack !== null) throw policyError("js", lack);
    return new JsMachine(stateBytes, options);
  },
};

export const jsDevice: Device<JsArtifact, null> = {
  rank: 2,
  needsGpu: false,
  find: async () => whyNoJs() ?? jsFound,
  demand: async () => jsFound,
};
