"""NumPy with OpenBLAS: the step written out, backward pass and all, as one would without a framework."""
import math
import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = sys.argv[2]  # before numpy is loaded

import numpy as np  # noqa: E402

from optimizers import MOMENTS  # noqa: E402
from serve import CLASSES, HIDDEN, LAYER_NORM_EPSILON, operands, repeated, serve  # noqa: E402


def update_in_place(optimizer, w, g, moments, t):
    """As optimizers.update, in place: NumPy would spend its time on new arrays."""
    if optimizer == "sgd":
        g *= 0.01
        w -= g
    elif optimizer == "rmsprop":
        (v,) = moments
        v *= 0.9
        v += np.float32(0.1) * g * g
        g *= 1e-3
        g /= np.sqrt(v + np.float32(1e-7))
        w -= g
    else:
        m, v = moments
        correction = math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m += np.float32(0.1) * (g - m)
        v += np.float32(0.001) * (g * g - v)
        w -= np.float32(1e-3 * correction) * m / (np.sqrt(v) + np.float32(1e-7))


class NumPy:
    def step(self, batch, optimizer, w1, w2):
        model = [w1.copy(), np.zeros(HIDDEN, np.float32), w2.copy(), np.zeros(CLASSES, np.float32)]
        moments = [[np.zeros_like(w) for _ in range(MOMENTS[optimizer])] for w in model]
        count = [0]
        rows = np.arange(batch)

        def step(image, label):
            w1, b1, w2, b2 = model
            count[0] += 1
            h = image @ w1
            h += b1
            np.maximum(h, 0, out=h)
            logits = h @ w2
            logits += b2
            logits -= logits.max(axis=1, keepdims=True)
            p = np.exp(logits)
            total = p.sum(axis=1, keepdims=True)
            loss = float((np.log(total[:, 0]) - logits[rows, label]).mean())
            p /= total
            p[rows, label] -= 1
            p /= batch
            dh = p @ w2.T
            dh *= h > 0
            gradients = [image.T @ dh, dh.sum(axis=0), h.T @ p, p.sum(axis=0)]
            for w, g, m in zip(model, gradients, moments):
                update_in_place(optimizer, w, g, m, count[0])
            return loss

        return step

    def other(self, workload, numbers):
        kind = workload["kind"]
        if kind == "matmul":
            a, b = operands(workload, numbers)
            return repeated(lambda: a @ b, 1)
        if kind == "chain":
            x, y = operands(workload, numbers)
            return repeated(lambda: np.maximum(x + y, 0), workload["calls"])
        (x,) = operands(workload, numbers)
        if kind == "softmax":
            return repeated(lambda: softmax(x), 1)
        return repeated(lambda: layer_norm(x), 1)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    centred /= np.sqrt(variance + np.float32(LAYER_NORM_EPSILON))
    return centred


serve(lambda threads: NumPy())
