#!/usr/bin/env bash
# Dawn for Node (webgpu 0.6.2), null backend: an adapter offers chromium-experimental-subgroup-matrix with an empty list of the sizes that it
# supports, and makes pipelines of matrices of any size, 13 by 13 too. So the feature alone does not say that there is a size to use, and
# a shader that this backend takes, as one checks shaders where there is no GPU, may have sizes that no device has.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . webgpu@0.6.2 >/dev/null
cat >seen.mjs <<'SCRIPT'
import { create } from "webgpu";
const gpu = (globalThis.kept = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]));
const feature = "chromium-experimental-subgroup-matrix";
const adapter = await gpu.requestAdapter();
const offered = adapter.features.has(feature);
const sizes = [...adapter.info.subgroupMatrixConfigs].length;
const device = await adapter.requestDevice({ requiredFeatures: ["shader-f16", "subgroups", feature] });
const made = [];
for (const size of [8, 13, 16]) {
  const type = (side) => `subgroup_matrix_${side}<f16, ${size}, ${size}>`;
  const code = `
    enable f16, subgroups, chromium_experimental_subgroup_matrix;
    @group(0) @binding(0) var<storage, read_write> x: array<f16>;
    @compute @workgroup_size(${adapter.info.subgroupMaxSize}) fn main() {
      let a = subgroupMatrixLoad<${type("left")}, row_major>(&x, 0, ${size});
      let b = subgroupMatrixLoad<${type("right")}, row_major>(&x, 0, ${size});
      subgroupMatrixStore<row_major>(&x, 512, subgroupMatrixMultiply<f16>(a, b), ${size});
    }`;
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  if (await pipeline.then(() => true, (error) => console.log(error.message))) made.push(size);
}
console.log(`webgpu 0.6.2: ${feature} ${offered ? "offered" : "not offered"}, ${sizes} sizes listed, pipelines made for sizes ${made.join(", ")}`);
process.exit(offered && sizes === 0 && made.join() === "8,13,16" ? 0 : 1);
SCRIPT
node seen.mjs
