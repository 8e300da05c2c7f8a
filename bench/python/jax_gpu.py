"""JAX on its GPU, else on the CPU. Steps on resident data are one `scan`; others are a `jit` each, weights and moments donated."""
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from gpu_rows import CHECKED_STEPS, CLASSES, EPSILON, probe, serve


def loss_of(model, image, label):
    w1, b1, w2, b2 = model
    logs = jax.nn.log_softmax(jax.nn.relu(image @ w1 + b1) @ w2 + b2)
    return -jnp.mean(jnp.take_along_axis(logs, label[:, None], axis=1))


def step(state, image, label):
    model, moments = state
    loss, gradients = jax.value_and_grad(loss_of)(model, image, label)
    moments = [0.9 * v + 0.1 * g * g for v, g in zip(moments, gradients)]
    return ([w - 1e-3 * g / jnp.sqrt(v + 1e-7) for w, g, v in zip(model, gradients, moments)], moments), loss


train = jax.jit(step, donate_argnums=0)


@partial(jax.jit, static_argnums=3, donate_argnums=0)
def train_many(state, image, label, steps):
    state, losses = jax.lax.scan(lambda state, _: step(state, image, label), state, length=steps)
    return state, losses[-1]


@jax.jit
def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / jnp.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)


class Jax:
    def __init__(self, threads):
        self.device = f"{jax.__version__}, {jax.devices()[0].device_kind}"

    def steps(self, workload, w1, w2, batch_of):
        model = [jnp.asarray(w1), jnp.zeros(w1.shape[1]), jnp.asarray(w2), jnp.zeros(CLASSES)]
        kept = {"state": (model, [jnp.zeros_like(w) for w in model]), "taken": 0}
        resident = None if workload["data"] == "fed" else [jnp.asarray(x) for x in batch_of(0)]

        def take():
            image, label = batch_of(kept["taken"]) if resident is None else resident
            kept["taken"] += 1
            kept["state"], loss = train(kept["state"], image, label)
            return loss

        def run():
            if resident is not None:
                kept["state"], loss = train_many(kept["state"], *resident, workload["calls"])
                float(loss)
                return
            for _ in range(workload["calls"]):
                loss = take()
                if workload["reads"]:
                    float(loss)
            float(loss)

        return run, lambda: [float(take()) for _ in range(CHECKED_STEPS)]

    def array(self, workload, operands):
        is_product = workload["kind"] == "product"
        is_mixed = is_product and workload["precision"] == "mixed"
        if is_mixed and jax.default_backend() == "cpu":
            return "on the CPU it has no tf32"
        arrays = [jnp.asarray(x) for x in operands]
        precision = "tensorfloat32" if is_mixed else "float32"
        call = {
            "product": jax.jit(lambda x, y: jnp.matmul(x, y, precision=precision)),
            "add": jax.jit(lambda x, y: x + y),
            "softmax": jax.jit(jax.nn.softmax),
            "layerNorm": layer_norm,
            "sum": jax.jit(lambda x: x.sum()),
            "sumAxis0": jax.jit(lambda x: x.sum(axis=0)),
            "argMax": jax.jit(lambda x: x.argmax(axis=-1)),
            "products": jax.jit(lambda x, y: jnp.matmul(x, y, precision=precision)),
        }["product" if is_product else workload["op"]]

        def run():
            for _ in range(workload["calls"]):
                last = call(*arrays)
            last.block_until_ready()

        return run, lambda: probe(np.asarray(call(*arrays)))


serve(Jax)
