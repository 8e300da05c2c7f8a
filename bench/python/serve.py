"""
The protocol of bench/protocol.ts in Python: one JSON request a line on stdin, one JSON answer a line on file descriptor 3.

A system is an object with
    step(batch, optimizer, w1, w2) -> a function (image, label) -> loss, or None
    net(workload, weights) -> a function (image, label) -> loss, where it has one
    other(workload, numbers) -> (run, result), or None; `run()` returns when the result is there
and, where it has them,
    measure_step(workload, folder) -> a function (warmup, repetitions) -> answer, in place of `step`
    epoch(images, labels): one epoch as its users would train it
"""
import json
import os
import resource
import sys
import time
import traceback

import numpy as np

INPUTS, HIDDEN, CLASSES = 784, 512, 10
POOL = 4096
LAYER_NORM_EPSILON = 1e-5
MAIN_BATCH = 128
CHECKED_STEPS = 5
CHECKED_ELEMENTS = 8


def read(folder, name, dtype):
    return np.fromfile(os.path.join(folder, name), dtype=dtype)


def operands(workload, numbers):
    """The operands of a workload that is no step, cut from the random numbers."""
    kind = workload["kind"]
    if kind == "matmul":
        shape, count = (workload["n"], workload["n"]), 2
    elif kind == "chain":
        shape, count = tuple(workload["shape"]), 2
    else:
        shape, count = (workload["rows"], workload["columns"]), 1
    size = shape[0] * shape[1]
    return [numbers[i * size:(i + 1) * size].reshape(shape) for i in range(count)]


def repeated(call, calls):
    """run and result of a function that is called `calls` times a run."""
    last = [None]

    def run():
        for _ in range(calls):
            last[0] = call()

    return run, lambda: np.asarray(last[0])


def timed(run, warmup, repetitions):
    ms = []
    for i in range(-warmup, repetitions):
        started = time.perf_counter()
        run()
        if i >= 0:
            ms.append((time.perf_counter() - started) * 1000)
    return ms


def measure_other(system, workload, folder):
    prepared = system.other(workload, read(folder, "numbers.f32", np.float32))
    if prepared is None:
        return None
    run, result = prepared

    def measure(warmup, repetitions):
        ms = timed(run, warmup, repetitions)
        values = np.asarray(result()).reshape(-1)
        last = len(values) - 1
        places = [(i * last) // (CHECKED_ELEMENTS - 1) for i in range(CHECKED_ELEMENTS)]
        return {"ms": ms, "check": [float(values[i]) for i in places]}

    return measure


def measure_step(system, workload, folder):
    batch = workload["batch"]
    if workload["kind"] == "net":
        step = system.net(workload, net_weights(workload, folder)) if hasattr(system, "net") else None
    elif workload["kind"] == "perExample":
        step = system.per_example(*weights(folder)) if hasattr(system, "per_example") else None
    else:
        step = system.step(batch, workload["optimizer"], *weights(folder))
    if step is None:
        return None
    images = read(folder, "images.f32", np.float32).reshape(POOL, INPUTS)
    labels = read(folder, "labels.i32", np.int32)
    losses = []
    taken = [0]

    def run():
        first = (taken[0] * batch) % POOL
        taken[0] += 1
        loss = step(images[first:first + batch], labels[first:first + batch])
        if not np.isfinite(loss):
            raise ValueError(f"the loss of step {taken[0]} is {loss}")
        if len(losses) < CHECKED_STEPS:
            losses.append(float(loss))

    return lambda warmup, repetitions: {"ms": timed(run, warmup, repetitions), "check": losses}


def net_weights(workload, folder):
    """The parameters of a network, cut from the random numbers: kernel and bias of each layer in turn."""
    numbers, first, made = read(folder, "numbers.f32", np.float32), 0, []
    for param in workload["params"]:
        count = int(np.prod(param["shape"]))
        made.append((numbers[first:first + count] * np.float32(2 * param["limit"])).reshape(param["shape"]))
        first += count
    return made


def weights(folder):
    w1 = read(folder, "w1.f32", np.float32).reshape(INPUTS, HIDDEN)
    return w1, read(folder, "w2.f32", np.float32).reshape(HIDDEN, CLASSES)


def epoch(system, folder):
    images = read(folder, "epoch-images.u8", np.uint8).reshape(-1, INPUTS)
    labels = read(folder, "epoch-labels.u8", np.uint8)
    if hasattr(system, "epoch"):
        started = time.perf_counter()
        system.epoch(images, labels)
    else:
        step = system.step(MAIN_BATCH, "rmsprop", *weights(folder))
        started = time.perf_counter()
        order = np.random.default_rng(0).permutation(len(labels))
        for first in range(0, len(labels) - MAIN_BATCH + 1, MAIN_BATCH):
            chosen = order[first:first + MAIN_BATCH]
            step(images[chosen].astype(np.float32) * np.float32(1 / 255), labels[chosen].astype(np.int32))
    return {"ms": [(time.perf_counter() - started) * 1000], "check": []}


def answer_to(request, system, folder, ready):
    if request["kind"] == "epoch":
        return epoch(system, folder)
    workload = request["workload"]
    key = json.dumps(workload)
    if key not in ready:
        ready.clear()
        if workload["kind"] not in ("step", "net", "perExample"):
            ready[key] = measure_other(system, workload, folder)
        elif workload["kind"] == "step" and hasattr(system, "measure_step"):
            ready[key] = system.measure_step(workload, folder)
        else:
            ready[key] = measure_step(system, workload, folder)
    if ready[key] is None:
        return {"ms": [], "check": [], "unsupported": True}
    return ready[key](request["warmup"], request["repetitions"])


def serve(create):
    """`create(threads)` makes the system; the arguments are DATA and THREADS."""
    folder, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(3, "w")
    system = create(threads)
    ready = {}
    for line in sys.stdin:
        try:
            answer = answer_to(json.loads(line), system, folder, ready)
        except Exception:
            answer = {"ms": [], "check": [], "error": traceback.format_exc()}
        answer["peakBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)
