"""JAX: `jit` over the whole step, weights and moments donated. On the CPU it has no option for its number of threads."""
from functools import partial

import jax
import jax.numpy as jnp

from serve import CLASSES, HIDDEN, LAYER_NORM_EPSILON, operands, repeated, serve
from optimizers import MOMENTS, update


def loss_of(model, image, label):
    w1, b1, w2, b2 = model
    logits = jax.nn.relu(image @ w1 + b1) @ w2 + b2
    logs = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(logs, label[:, None], axis=1))


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def train(optimizer, model, moments, t, image, label):
    loss, gradients = jax.value_and_grad(loss_of)(model, image, label)
    pairs = [update(optimizer, w, g, m, t, jnp.sqrt) for w, g, m in zip(model, gradients, moments)]
    return loss, [w for w, _ in pairs], [m for _, m in pairs]


@jax.jit
def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / jnp.sqrt(variance + LAYER_NORM_EPSILON)


def net_loss_of(model, image, label):
    x, pairs = image.reshape(-1, 28, 28, 1), list(zip(model[::2], model[1::2]))
    for i, (kernel, bias) in enumerate(pairs):
        if kernel.ndim == 4:
            layout = ("NHWC", "HWIO", "NHWC")
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=layout)
            x = jax.nn.relu(x + bias)
        else:
            if x.ndim == 4:
                size = (1, 2, 2, 1)
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, size, size, "VALID").reshape(-1, kernel.shape[0])
            x = x @ kernel + bias
            x = jax.nn.relu(x) if i < len(pairs) - 1 else x
    logs = jax.nn.log_softmax(x)
    return -jnp.mean(jnp.take_along_axis(logs, label[:, None], axis=1))


def lstm_scores(model, image):
    wx, bx, wh, bh, w, b = model

    def cell(mind, x):
        h, c = mind
        i, f, g, o = jnp.split(x @ wx + bx + h @ wh + bh, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    nothing = jnp.zeros((len(image), 64))
    (h, _), _ = jax.lax.scan(cell, (nothing, nothing), image[:, :700].reshape(-1, 100, 7).transpose(1, 0, 2))
    return h @ w + b


def block_scores(model, image):
    embedding, attention, joined, wide, narrow, classes = zip(model[::2], model[1::2])
    dense = lambda x, layer: x @ layer[0] + layer[1]
    x = dense(image[:, :768].reshape(-1, 128, 6), embedding)
    query, key, value = dense(layer_norm(x), attention).reshape(-1, 128, 3, 4, 32).transpose(2, 0, 3, 1, 4)
    match = query @ key.swapaxes(-1, -2) * 32**-0.5
    past = jnp.tril(jnp.ones((128, 128), bool))
    seen = jax.nn.softmax(jnp.where(past, match, -jnp.inf)) @ value
    met = x + dense(seen.swapaxes(1, 2).reshape(-1, 128, 128), joined)
    out = met + dense(jax.nn.relu(dense(layer_norm(met), wide)), narrow)
    return dense(out.mean(1), classes)


def sequence_loss_of(scores, model, image, label):
    logs = jax.nn.log_softmax(scores(model, image))
    return -jnp.mean(jnp.take_along_axis(logs, label[:, None], axis=1))


losses = {
    "lstm": partial(sequence_loss_of, lstm_scores),
    "block": partial(sequence_loss_of, block_scores),
}


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def train_net(net, model, moments, t, image, label):
    loss, gradients = jax.value_and_grad(losses.get(net, net_loss_of))(model, image, label)
    pairs = [update("adam", w, g, m, t, jnp.sqrt) for w, g, m in zip(model, gradients, moments)]
    return loss, [w for w, _ in pairs], [m for _, m in pairs]


@partial(jax.jit, donate_argnums=0)
def train_per_example(model, image, label):
    def one(x, y):
        loss, gradients = jax.value_and_grad(loss_of)(model, x[None], y[None])
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradients))
        return loss, [g * jnp.minimum(1 / norm, 1) for g in gradients]

    losses, gradients = jax.vmap(one)(image, label)
    return losses.mean(), [w - 0.01 * g.mean(axis=0) for w, g in zip(model, gradients)]


class Jax:
    def step(self, batch, optimizer, w1, w2):
        model = [jnp.asarray(w1), jnp.zeros(HIDDEN), jnp.asarray(w2), jnp.zeros(CLASSES)]
        state = [model, [[jnp.zeros_like(w) for _ in range(MOMENTS[optimizer])] for w in model], 0]

        def step(image, label):
            state[2] += 1
            loss, state[0], state[1] = train(optimizer, state[0], state[1], float(state[2]), image, label)
            return float(loss)

        return step

    def per_example(self, w1, w2):
        state = [[jnp.asarray(w1), jnp.zeros(HIDDEN), jnp.asarray(w2), jnp.zeros(CLASSES)]]

        def step(image, label):
            loss, state[0] = train_per_example(state[0], image, label)
            return float(loss)

        return step

    def net(self, workload, weights):
        model = [jnp.asarray(w) for w in weights]
        state = [model, [[jnp.zeros_like(w) for _ in range(MOMENTS["adam"])] for w in model], 0]

        def step(image, label):
            state[2] += 1
            loss, state[0], state[1] = train_net(workload["net"], state[0], state[1], float(state[2]), image, label)
            return float(loss)

        return step

    def other(self, workload, numbers):
        kind = workload["kind"]
        arrays = [jnp.asarray(x) for x in operands(workload, numbers)]
        function = {
            "matmul": jax.jit(jnp.matmul),
            "chain": jax.jit(lambda x, y: jnp.maximum(x + y, 0)),
            "softmax": jax.jit(jax.nn.softmax),
            "layerNorm": layer_norm,
        }[kind]
        return repeated(lambda: function(*arrays).block_until_ready(), workload.get("calls", 1))


serve(lambda threads: Jax())
