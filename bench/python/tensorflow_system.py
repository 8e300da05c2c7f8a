"""TensorFlow: `tf.function` over the whole step, variables assigned in it."""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf  # noqa: E402

from serve import CLASSES, HIDDEN, INPUTS, LAYER_NORM_EPSILON, operands, repeated, serve  # noqa: E402
from optimizers import MOMENTS, update  # noqa: E402


@tf.function
def layer_norm(x):
    mean, variance = tf.nn.moments(x, axes=-1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + LAYER_NORM_EPSILON)


class TensorFlow:
    def __init__(self, threads):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    def step(self, batch, optimizer, w1, w2):
        starts = [w1, tf.zeros(HIDDEN), w2, tf.zeros(CLASSES)]
        model = [tf.Variable(w) for w in starts]
        moments = [[tf.Variable(tf.zeros_like(w)) for _ in range(MOMENTS[optimizer])] for w in model]
        count = tf.Variable(0.0)

        @tf.function(input_signature=[tf.TensorSpec([batch, INPUTS]), tf.TensorSpec([batch], tf.int32)])
        def train(image, label):
            w1, b1, w2, b2 = model
            with tf.GradientTape() as tape:
                h = tf.nn.relu(tf.matmul(image, w1) + b1)
                logits = tf.matmul(h, w2) + b2
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
            gradients = tape.gradient(loss, model)
            count.assign_add(1.0)
            for w, g, slots in zip(model, gradients, moments):
                following, new = update(optimizer, w, g, slots, count, tf.sqrt)
                w.assign(following)
                for slot, value in zip(slots, new):
                    slot.assign(value)
            return loss

        return lambda image, label: float(train(image, label))

    def net(self, workload, weights):
        if workload["net"] in ("lstm", "block"):
            return None
        model = [tf.Variable(w) for w in weights]
        moments = [[tf.Variable(tf.zeros_like(w)) for _ in range(MOMENTS["adam"])] for w in model]
        count = tf.Variable(0.0)
        pairs = list(zip(model[::2], model[1::2]))

        def logits_of(image):
            x = tf.reshape(image, [-1, 28, 28, 1])
            for i, (kernel, bias) in enumerate(pairs):
                if len(kernel.shape) == 4:
                    x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias))
                else:
                    if len(x.shape) == 4:
                        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
                        x = tf.reshape(x, [-1, kernel.shape[0]])
                    x = tf.matmul(x, kernel) + bias
                    x = tf.nn.relu(x) if i < len(pairs) - 1 else x
            return x

        batch = workload["batch"]

        @tf.function(input_signature=[tf.TensorSpec([batch, INPUTS]), tf.TensorSpec([batch], tf.int32)])
        def train(image, label):
            with tf.GradientTape() as tape:
                logits = logits_of(image)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
            gradients = tape.gradient(loss, model)
            count.assign_add(1.0)
            for w, g, slots in zip(model, gradients, moments):
                following, new = update("adam", w, g, slots, count, tf.sqrt)
                w.assign(following)
                for slot, value in zip(slots, new):
                    slot.assign(value)
            return loss

        return lambda image, label: float(train(image, label))

    def other(self, workload, numbers):
        kind = workload["kind"]
        tensors = [tf.constant(x) for x in operands(workload, numbers)]
        function = {
            "matmul": tf.function(tf.matmul),
            "chain": tf.function(lambda x, y: tf.nn.relu(x + y)),
            "softmax": tf.function(tf.nn.softmax),
            "layerNorm": layer_norm,
        }[kind]
        return repeated(lambda: function(*tensors), workload.get("calls", 1))


serve(TensorFlow)
