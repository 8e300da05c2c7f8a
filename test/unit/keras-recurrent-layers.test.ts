/** Recurrent layers against those of Keras: values, gradients, last states and masks. */
import { layersLikeKeras } from "../keras-layer-cases.ts";

layersLikeKeras("layers-recurrent");
