/** Layers of convolution against those of Keras (test/fixtures/README.md). */
import { conv1d, conv1dTranspose, conv2d, conv2dTranspose, conv3d, conv3dTranspose, depthwiseConv1d, depthwiseConv2d, type Layer, separableConv1d, separableConv2d } from "../../src/index.ts"; // biome-ignore format: names
import { type KerasOptions, layersLikeKeras } from "../keras-layer-cases.ts";

type Conv = (filters: number, kernelSize: number | readonly number[], options: object) => Layer;
type Depthwise = (kernelSize: number | readonly number[], options: object) => Layer;

const filtersOf = (make: Conv) => (given: KerasOptions) =>
  make(given.get("filters"), given.get("kernel_size"), given.others(["filters", "kernel_size"]));
const kernelOf = (make: Depthwise) => (given: KerasOptions) =>
  make(given.get("kernel_size"), given.others(["kernel_size"]));

layersLikeKeras("layers-conv", {
  Conv1D: filtersOf(conv1d),
  Conv2D: filtersOf(conv2d),
  Conv3D: filtersOf(conv3d),
  Conv1DTranspose: filtersOf(conv1dTranspose),
  Conv2DTranspose: filtersOf(conv2dTranspose),
  Conv3DTranspose: filtersOf(conv3dTranspose),
  DepthwiseConv1D: kernelOf(depthwiseConv1d),
  DepthwiseConv2D: kernelOf(depthwiseConv2d),
  SeparableConv1D: filtersOf(separableConv1d),
  SeparableConv2D: filtersOf(separableConv2d),
});
