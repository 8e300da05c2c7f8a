/** Recurrent layers against those of Keras: values, gradients, last states and masks. */
import { bidirectional, conv1d, convLstm1d, convLstm2d, dense, type GruOptions, gru, gruCell, type Layer, type LstmOptions, lstm, lstmCell, rnn, type SimpleRnnOptions, simpleRnn, timeDistributed } from "../../src/index.ts"; // biome-ignore format: names
import type { RecurrentLayer } from "../../src/nn/layers/recurrent/recurrent.ts";
import { type KerasOptions, layersLikeKeras } from "../keras-layer-cases.ts";

/** `unroll` says how Keras computes, and not what. */
function options<O>(given: KerasOptions): O {
  const found = given.others<O & { recurrentActivation?: string }>(["units", "unroll"]);
  return found.recurrentActivation === "hard_sigmoid" ? { ...found, recurrentActivation: "hardSigmoid" } : found;
}

/** Layers inside layers, as the fixture writes them. */
const recurrent: Readonly<Record<string, () => RecurrentLayer>> = {
  "SimpleRNN(2, return_sequences=True)": () => simpleRnn(2, { returnSequences: true }),
  "GRU(2)": () => gru(2),
  "LSTM(1, return_state=True)": () => lstm(1, { returnState: true }),
  "LSTM(1, return_sequences=True)": () => lstm(1, { returnSequences: true }),
};
const inner: Readonly<Record<string, () => Layer>> = {
  "Dense(2)": () => dense(2),
  "Conv1D(1, 2)": () => conv1d(1, 2),
};

function made<L extends Layer>(table: Readonly<Record<string, () => L>>, given: KerasOptions): L {
  const make = table[given.get<string>("layer")];
  if (make === undefined) throw new Error(`no layer for ${given.get<string>("layer")}`);
  return make();
}

layersLikeKeras("layers-recurrent", {
  SimpleRNN: (o) => simpleRnn(o.get<number>("units"), options<SimpleRnnOptions>(o)),
  GRU: (o) => gru(o.get<number>("units"), options<GruOptions>(o)),
  LSTM: (o) => lstm(o.get<number>("units"), options<LstmOptions>(o)),
  Bidirectional: (o) => bidirectional(made(recurrent, o), o.others(["layer"])),
  TimeDistributed: (o) => timeDistributed(made(inner, o)),
  RNN: () => rnn([gruCell(2), lstmCell(2)]),
  ConvLSTM1D: (o) => convLstm1d(o.get("filters"), o.get("kernel_size"), o.others(["filters", "kernel_size"])),
  ConvLSTM2D: (o) => convLstm2d(o.get("filters"), o.get("kernel_size"), o.others(["filters", "kernel_size"])),
});
