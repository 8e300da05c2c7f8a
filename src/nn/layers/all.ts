/** All layers that have a name, by it: what `layerFrom` reads, and tests go through. A new one is a line here. */
export { activationSchema as activation } from "./activation.ts";
export { denseSchema as dense } from "./dense.ts";
export { dropoutSchema as dropout } from "./dropout.ts";
export { flattenSchema as flatten } from "./flatten.ts";
export { gruCellSchema as gruCell, gruSchema as gru } from "./recurrent/gru.ts";
export { lstmCellSchema as lstmCell, lstmSchema as lstm } from "./recurrent/lstm.ts";
export { simpleRnnCellSchema as simpleRnnCell, simpleRnnSchema as simpleRnn } from "./recurrent/simple-rnn.ts";
export { sequentialSchema as sequential } from "./sequential.ts";
