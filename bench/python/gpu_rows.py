"""
The protocol of bench/gpu/serve.ts and the numbers of bench/gpu/numbers.ts in Python.

A system is an object with
    device: what it runs on, for people
    steps(workload, w1, w2, batch_of) -> (run, check)     batch_of(step) -> image, label on the host
    array(workload, operands) -> (run, check)             operands on the host
`run()` does all calls of the workload and returns when the last result is there; `check()` gives numbers that all systems have.
"""
import json
import os
import resource
import sys
import traceback

import numpy as np

from serve import INPUTS, POOL, read, timed

CLASSES = 10
CHECKED_STEPS = 3
EPSILON = 1e-5


def operand(numbers, first, count):
    """Numbers in [0, 1), from the start again where they end."""
    return np.take(numbers, np.arange(first, first + count), mode="wrap") + np.float32(0.5)


def probe(values, count=8):
    values = np.asarray(values).reshape(-1)
    last = len(values) - 1
    return [float(values[(i * last) // (count - 1)]) for i in range(min(count, len(values)))]


def step_numbers(folder, workload):
    numbers, images = read(folder, "numbers.f32", np.float32), read(folder, "images.f32", np.float32)
    labels = read(folder, "labels.i32", np.int32)
    inputs, hidden, batch = workload["inputs"], workload["hidden"], workload["batch"]

    def scaled(first, rows, columns):
        values = numbers[first:first + rows * columns] * np.float32(2 * np.sqrt(6 / (rows + columns)))
        return values.reshape(rows, columns)

    batches = max(1, min(POOL, POOL * INPUTS // inputs) // batch)

    def batch_of(step):
        first = (step % batches) * batch
        image = images[first * inputs:(first + batch) * inputs].reshape(batch, inputs)
        return image, labels[first:first + batch]

    return scaled(0, inputs, hidden), scaled(inputs * hidden, hidden, CLASSES), batch_of


def prepare(system, workload, folder):
    """run and check, or a text that says why not."""
    kind = workload["kind"]
    if kind == "steps":
        return system.steps(workload, *step_numbers(folder, workload))
    if kind == "epoch":
        return epoch(system, workload, folder)
    numbers = read(folder, "numbers.f32", np.float32)
    if kind == "product":
        shapes = [(workload["n"], workload["n"])] * 2
    else:
        shapes = [tuple(workload["shape"])] * (2 if workload["op"] in ("add", "products") else 1)
    size = int(np.prod(shapes[0]))
    return system.array(workload, [operand(numbers, i * size, size).reshape(shape) for i, shape in enumerate(shapes)])


def epoch(system, workload, folder):
    """Batches in an order of its own, made and fed from the host; the last loss is read."""
    images = read(folder, "epoch-images.u8", np.uint8).reshape(-1, INPUTS)[:workload["images"]]
    labels = read(folder, "epoch-labels.u8", np.uint8)[:workload["images"]]
    order = np.random.default_rng(0).permutation(len(labels))
    batch = workload["batch"]

    def batch_of(step):
        chosen = order[step * batch:(step + 1) * batch]
        return images[chosen].astype(np.float32) * np.float32(1 / 255), labels[chosen].astype(np.int32)

    steps = {"inputs": INPUTS, "hidden": 512, "batch": batch, "data": "fed", "reads": False, "calls": len(labels) // batch}
    w1, w2, _ = step_numbers(folder, steps)
    run, _ = system.steps(steps, w1, w2, lambda step: batch_of(step % steps["calls"]))
    return run, lambda: []


class Server:
    def __init__(self, system, folder):
        self.system, self.folder, self.key = system, folder, None

    def answer(self, request):
        if request["kind"] == "about":
            return {"about": {"device": self.system.device, "isSoftware": False, "limits": {}}}
        workload = request["workload"]
        key = json.dumps(workload)
        if key != self.key:
            self.key, self.ready, self.losses = key, "it could not be made ready", []
            self.ready = prepare(self.system, workload, self.folder)
            self.losses = [] if isinstance(self.ready, str) else self.ready[1]()
        if isinstance(self.ready, str):
            return {"unsupported": True, "lack": self.ready}
        if request["kind"] == "measure":
            return {"ms": timed(self.ready[0], request["warmup"], request["repetitions"]), "check": self.losses}
        return {"check": self.losses}


def serve(create):
    """`create(threads)` makes the system; the arguments are DATA and THREADS."""
    folder, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(3, "w")
    server = Server(create(threads), folder)
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Exception:
            answer = {"error": traceback.format_exc()}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answers.write(json.dumps({"ms": [], "check": [], "peakBytes": peak, **answer}) + "\n")
        answers.flush()
    os._exit(0)
