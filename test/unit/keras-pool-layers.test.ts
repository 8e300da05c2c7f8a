/** Layers of pooling, borders and sizes against those of Keras (test/fixtures/README.md). */
import { layersLikeKeras } from "../keras-layer-cases.ts";

layersLikeKeras("layers-pool");
