/** `layers`: every layer under Keras's name in camelCase. A new one is a line here and in all.ts. */
export { activation } from "./activation.ts";
export { dense } from "./dense.ts";
export { dropout } from "./dropout.ts";
export { flatten } from "./flatten.ts";
export { layer } from "./own.ts";
export { gru, gruCell } from "./recurrent/gru.ts";
export { lstm, lstmCell } from "./recurrent/lstm.ts";
export { simpleRnn, simpleRnnCell } from "./recurrent/simple-rnn.ts";
export { sequential } from "./sequential.ts";
