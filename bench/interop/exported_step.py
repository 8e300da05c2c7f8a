"""The exported RMSprop step (784-512-10, batch 128) beside jax.jit of the same step written by hand, in turns, on one CPU.

usage: python exported_step.py FOLDER ROUNDS     (bench/exported.ts exports the folder and starts this)
"""
import json
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))
from tensorloom_xla.checkpoint import read_checkpoint  # noqa: E402
from tensorloom_xla.engine import Engine  # noqa: E402
from tensorloom_xla.folder import read_folder  # noqa: E402

CALLS = 50


def loss_of(model, image, label):
    w1, b1, w2, b2 = model
    logs = jax.nn.log_softmax(jax.nn.relu(image @ w1 + b1) @ w2 + b2)
    return -jnp.mean(jnp.take_along_axis(logs, label[:, None], axis=1))


def step(state, image, label):
    model, moments = state
    loss, gradients = jax.value_and_grad(loss_of)(model, image, label)
    moments = [0.9 * v + 0.1 * g * g for v, g in zip(moments, gradients)]
    return ([w - 1e-3 * g / jnp.sqrt(v + 1e-7) for w, g, v in zip(model, gradients, moments)], moments), loss


def main(path, rounds):
    folder = read_folder(path)
    values, _ = read_checkpoint(folder.state_file)
    random = np.random.default_rng(0)
    image, label = random.random((128, 784), np.float32), random.integers(0, 10, 128).astype(np.int32)

    engine = Engine(folder, folder.entry("train"))
    engine.write(values)
    given = [engine.state.get(place.name) for place in engine.entry.arguments]
    feeds = {"image": jax.device_put(image), "label": jax.device_put(label)}

    train = jax.jit(step, donate_argnums=0)
    model = [jnp.asarray(values[f"model.{name}"]) for name in ("w1", "b1", "w2", "b2")]
    state = (model, [jnp.zeros_like(w) for w in model])
    resident = [jax.device_put(image), jax.device_put(label)]

    names = [place.name for place in engine.entry.arguments]
    states = [(i, names.index(place.name)) for i, place in enumerate(engine.entry.results) if place.kind == "state"]
    at = next(i for i, place in enumerate(engine.entry.results) if place.name == "loss")
    arguments = [feeds.get(name, value) for name, value in zip(names, given)]

    def exported(calls=CALLS):
        for _ in range(calls):
            found = engine.program.execute_sharded(arguments).disassemble_into_single_device_arrays()
            for result, argument in states:
                arguments[argument] = found[result][0]
        return float(found[at][0])

    def by_hand(calls=CALLS):
        nonlocal state
        for _ in range(calls):
            state, loss = train(state, *resident)
        return float(loss)

    losses = exported(10), by_hand(10)  # later ones differ, as roundings grow
    times = {"exported": [], "by hand": []}
    for _ in range(rounds):
        for name, run in (("exported", exported), ("by hand", by_hand)):
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / CALLS * 1e3)
    print(json.dumps({"jax": jax.__version__, "losses": losses, "ms": times}))


main(sys.argv[1], int(sys.argv[2]))
