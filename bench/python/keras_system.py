"""Keras on TensorFlow: `fit`, with the model, loss, optimizer and metric of its MNIST example."""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import time  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import serve  # noqa: E402


class Clock(keras.callbacks.Callback):
    """When each batch was done, and its loss: `fit` gives the mean of all so far."""

    def __init__(self):
        super().__init__()
        self.times, self.losses, self.total = [], [], 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())
        total = float(logs["loss"]) * (batch + 1)
        self.losses.append(total - self.total)
        self.total = total


def model_of(optimizer, w1=None, w2=None):
    model = keras.Sequential([
        keras.layers.Input((serve.INPUTS,)),
        keras.layers.Dense(serve.HIDDEN, activation="relu"),
        keras.layers.Dense(serve.CLASSES, activation="softmax"),
    ])
    if w1 is not None:
        model.set_weights([w1, np.zeros(serve.HIDDEN), w2, np.zeros(serve.CLASSES)])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Keras:
    """`fit` decides when a batch is done, so it is measured from batch to batch, within one call."""

    def __init__(self, threads):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    def measure_step(self, workload, folder):
        batch = workload["batch"]
        model = model_of(workload["optimizer"], *serve.weights(folder))
        images = serve.read(folder, "images.f32", np.float32).reshape(serve.POOL, serve.INPUTS)
        labels = serve.read(folder, "labels.i32", np.int32)
        check = []
        taken = [0]

        def measure(warmup, repetitions):
            count = max(1, warmup) + repetitions  # the first batch of a call cannot be measured
            rows = (taken[0] * batch + np.arange(count * batch)) % serve.POOL
            taken[0] += count
            clock = Clock()
            model.fit(images[rows], labels[rows], batch_size=batch, shuffle=False, verbose=0, callbacks=[clock])
            check.extend(clock.losses[:serve.CHECKED_STEPS - len(check)])
            ms = np.diff(clock.times)[-repetitions:] * 1000 if repetitions > 0 else []
            return {"ms": [float(one) for one in ms], "check": check}

        return measure

    def other(self, workload, numbers):
        return None

    def epoch(self, images, labels):
        model = model_of("rmsprop")
        model.fit(images.astype(np.float32) / 255, labels, batch_size=serve.MAIN_BATCH, epochs=1, verbose=0)


serve.serve(Keras)
