"""What the processes of a job agree on: that they begin with the same, and after which step they all stop."""
import hashlib
import json
import signal
import time

import jax
import numpy

from .errors import UserError

LOOK = 0.25
"""Seconds between two times that the processes ask each other whether one was told to stop."""
MOST_STEPS = 1000


class Stop:
    """
    Whether a signal asked to stop: the step under way ends, and what is there is saved. Each step needs every process, so several
    stop after the same one, though the signal reaches each at another, or only one of them.
    """

    def __init__(self, step):
        self.asked = False
        self._seen, self._since, self._next = step, time.monotonic(), step + 1
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._ask)

    def _ask(self, *_):
        self.asked = True

    def before(self, step):
        """To be asked before each step, on every process."""
        if jax.process_count() == 1:
            return self.asked
        if step < self._next:
            return False
        now = time.monotonic()
        told = _gathered([self.asked, (now - self._since) / max(1, step - self._seen)])
        # the slowest process says how many steps there are in that time: the same number everywhere
        self._next = step + max(1, min(MOST_STEPS, int(LOOK / max(float(told[:, 1].max()), 1e-9))))
        self._seen, self._since = step, now
        self.asked = bool(told[:, 0].any())
        return self.asked


def check_same(what, facts, tensors):
    """Each process reads its own copy of a file; where they are not alike, the states would drift apart and nobody would see it."""
    if jax.process_count() == 1:
        return
    digest = hashlib.sha256(json.dumps(facts).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0")
        digest.update(numpy.ascontiguousarray(tensors[name]).tobytes())
    words = numpy.frombuffer(digest.digest(), "<u4")
    if (_gathered(words) != words).any():
        raise UserError(f"{what}: the processes do not begin alike: each needs the same folder, checkpoint, data and options")


def _gathered(values):
    from jax.experimental.multihost_utils import process_allgather

    return process_allgather(numpy.asarray(values, numpy.float64))
