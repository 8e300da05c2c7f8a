/**
 * Calls keep their order on the GPU too: the checks of test/call-order.ts.
 */

import { wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import { orderChecks } from "../../call-order.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = Object.entries(orderChecks).map(([name, check]) => ({
  name,
  run: ({ device }) => check(wgslTarget(deviceSource(device))),
}));
