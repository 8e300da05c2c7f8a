/** Recurrent layers against those of Keras: values, gradients, last states and masks. */
import { type GruOptions, gru, type LstmOptions, lstm, type SimpleRnnOptions, simpleRnn } from "../../src/index.ts";
import { type KerasOptions, layersLikeKeras } from "../keras-layer-cases.ts";

/** `unroll` says how Keras computes, and not what. */
function options<O>(given: KerasOptions): O {
  const found = given.others<O & { recurrentActivation?: string }>(["units", "unroll"]);
  return found.recurrentActivation === "hard_sigmoid" ? { ...found, recurrentActivation: "hardSigmoid" } : found;
}

layersLikeKeras(
  "layers-recurrent",
  {
    SimpleRNN: (o) => simpleRnn(o.get<number>("units"), options<SimpleRnnOptions>(o)),
    GRU: (o) => gru(o.get<number>("units"), options<GruOptions>(o)),
    LSTM: (o) => lstm(o.get<number>("units"), options<LstmOptions>(o)),
  },
  {
    "lstm-activations": "hardSigmoid is not there yet",
    "gru-activations": "hardSigmoid is not there yet",
    ...Object.fromEntries(
      "bidirectional-concat bidirectional-sum bidirectional-mul bidirectional-ave bidirectional-last bidirectional-state bidirectional-masked timedistributed-dense timedistributed-conv stacked-cells convlstm1d convlstm2d"
        .split(" ")
        .map((name) => [name, "the layer is not there yet"]),
    ),
  },
);
