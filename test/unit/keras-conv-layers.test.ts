/** Layers of convolution against those of Keras (test/fixtures/README.md). */
import { layersLikeKeras } from "../keras-layer-cases.ts";

layersLikeKeras("layers-conv");
