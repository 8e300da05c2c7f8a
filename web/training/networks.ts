/** The two networks, as the examples of the package have them. */
import { adam, conv2d, dense, flatten, maxPooling2d, rmsprop, sequential, type Trainer, trainer } from "tensorloom";
import type { NetworkName } from "./protocol.ts";

/** Not compiled yet; scores are the loss and the accuracy, predictions ten probabilities an image. */
export const networks: Readonly<Record<NetworkName, () => Trainer<"accuracy">>> = {
  mlp: () =>
    trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
      input: [784],
      loss: "softmaxCrossEntropy",
      optimizer: rmsprop(),
      metrics: ["accuracy"],
    }),
  cnn: () =>
    trainer(
      sequential([
        conv2d(32, 3, { activation: "relu" }),
        maxPooling2d(),
        flatten(),
        dense(64, { activation: "relu" }),
        dense(10, { activation: "softmax" }),
      ]),
      { input: [28, 28, 1], loss: "softmaxCrossEntropy", optimizer: adam(), metrics: ["accuracy"] },
    ),
};
