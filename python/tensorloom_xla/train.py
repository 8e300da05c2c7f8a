"""A run: steps of an entry over data, lines of JSON, checkpoints."""
import json
import time
from pathlib import Path

import jax
import numpy

from .agree import Stop, check_same
from .checkpoint import check_fits, check_writable, read_checkpoint, write_checkpoint
from .data import Data
from .engine import Engine
from .errors import UserError
from .folder import read_folder
from .log import Log

NOTE = "note.tensorloom_xla"
"""What of a run its checkpoint remembers."""


def run(options, process=0, platform=None):
    """Runs one process's part; process 0 alone writes and prints."""
    is_first = process == 0
    if options.checkpoint is not None and is_first:
        check_writable(options.checkpoint)
    if options.checkpoint is None and options.every:
        raise UserError("--every says how often the file of --checkpoint is written: name it")
    folder = read_folder(options.folder)
    entry = folder.entry(options.entry)
    source, resumed = _source(options, folder)
    values, metadata = read_checkpoint(source)
    check_fits(source, values, folder.states)
    done = _progress(source, metadata) if resumed else 0
    inputs = [place for place in entry.arguments if place.kind == "input"]
    data = Data(options.data, inputs, _shuffle_seed(options, source, metadata)) if inputs else None
    engine = Engine(folder, entry, platform)
    begun = [entry.text, done, options.steps, options.every, options.checkpoint is None, None if data is None else data.told]
    check_same(source, begun, values)
    engine.write(values)
    log = Log(options.log if is_first else None)
    log.add(
        "begin",
        step=done,
        steps=options.steps,
        samples=0 if data is None else data.samples,
        batch=0 if data is None else data.batch,
        devices=len(engine.devices),
    )

    def save(step):
        states = engine.read(values)  # on every process: it may gather
        if is_first:
            kept = {key: text for key, text in metadata.items() if not key.startswith("position.")}
            write_checkpoint(options.checkpoint, states, {**kept, NOTE: json.dumps({"step": step})})

    stop = Stop(done)
    began, saved, step = time.monotonic(), done, done
    while step < options.steps and not stop.before(step):
        outputs = engine.step({} if data is None else data.at(step))
        step += 1
        if jax.process_count() > 1:
            jax.block_until_ready([outputs, engine.state])  # what processes ask each other is not to meet a step under way
        if is_first:
            scores = {name: numpy.asarray(value).item() for name, value in outputs.items() if value.shape == ()}
            where = {"epoch": 1 if data is None else 1 + (step - 1) // data.batches, "step": step}
            log.add("batch", **{**where, **scores, **where})  # an output may be called so, too
            if not options.quiet and (step == options.steps or step % 100 == 0 or step == done + 1):
                print(f"step {step}: " + ", ".join(f"{name} {value:.6g}" for name, value in scores.items()), flush=True)
        if options.checkpoint is not None and options.every and step % options.every == 0:
            save(step)
            saved = step
    if options.checkpoint is not None and saved != step:
        save(step)
    seconds = time.monotonic() - began
    log.add("end", steps=step, stopped="signal" if stop.asked else None, seconds=seconds)
    if is_first and not options.quiet:
        print(f"{step - done} steps in {seconds:.2f} s on {len(engine.devices)} x {engine.devices[0].platform}", flush=True)
    return 0


def _source(options, folder):
    """The checkpoint to begin with, and whether a run goes on from it."""
    if options.resume:
        if options.checkpoint is None:
            raise UserError("--resume goes on from the file of --checkpoint: name it")
        if Path(options.checkpoint).exists():
            return options.checkpoint, True
    return (options.source or folder.state_file), False


def _progress(source, metadata):
    try:
        step = json.loads(metadata[NOTE])["step"]
        if type(step) is int and step >= 0:
            return step
    except (KeyError, TypeError, ValueError):
        pass
    raise UserError(f"{source}: no run of this launcher is written down in it; begin a new one with --from {source}")


def _shuffle_seed(options, source, metadata):
    if options.no_shuffle:
        return None
    if options.shuffle_seed is not None:
        return options.shuffle_seed
    try:
        return int(metadata["seed"])
    except (KeyError, ValueError):
        raise UserError(f"{source}: its metadata have no seed") from None
