"""Several processes. Whoever starts a job waits for its processes and says what became of them; a process that ends ends the job."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

GRACE = 15
"""Seconds that the others get to end by themselves, once one has."""


def supervise(arguments, ranks, total, coordinator, checkpoint):
    """Starts these processes of a job of `total`, each with the same arguments; the exit status is that of the first to fail."""
    if coordinator is None:
        coordinator = f"127.0.0.1:{_free_port()}"
    workers, readers = {}, []
    # whoever ends the job by its process alone means all of it; processes that get it twice stop once
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: _ask(workers))
    for rank in ranks:
        environment = {**os.environ, "TENSORLOOM_XLA_WORKER": f"{rank}/{total}/{coordinator}"}
        command = [sys.executable, "-m", "tensorloom_xla", *arguments]
        worker = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace")
        workers[rank] = worker
        readers.append(threading.Thread(target=_pass_on, args=(worker.stderr, rank), daemon=True))
        readers[-1].start()
    try:
        return _wait(workers, total, checkpoint)
    finally:
        for worker in workers.values():
            if worker.poll() is None:
                worker.kill()
        for reader in readers:
            reader.join(1)  # what they said last


NATIVE = re.compile(r"[EFIW]\d{4} \d\d:|\*\*\* |\s+@ +0x|\[Gloo\]|RPC: |\d+$|The tasks have crashed|$")
"""What the native parts of jax say when a process is gone: pages of it, from each that is left. We say it in a line."""


def _pass_on(lines, rank):
    for line in lines:
        if os.environ.get("TENSORLOOM_XLA_DEBUG") or not NATIVE.match(line):
            print(f"[{rank}] {line.rstrip()}", file=sys.stderr, flush=True)


def _wait(workers, total, checkpoint):
    while True:
        ended = {rank: worker.poll() for rank, worker in workers.items()}
        failed = {rank: status for rank, status in ended.items() if status not in (None, 0)}
        if failed:
            break
        if all(status == 0 for status in ended.values()):
            return 0
        time.sleep(0.1)
    rank, status = next(iter(failed.items()))
    _end(workers)
    if status == 2:
        return 2  # it has said why
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    kept = "nothing was saved (no --checkpoint)" if checkpoint is None else f"what was saved last is in {checkpoint}: go on with --resume"
    print(f"tensorloom_xla: process {rank} of {total} {how}, and no other can go on without it; {kept}", file=sys.stderr)
    return 1


def _end(workers):
    """The others cannot finish their step: they are asked to end, and then made to."""
    _ask(workers)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(worker.poll() is None for worker in workers.values()):
        time.sleep(0.1)


def _ask(workers):
    for worker in list(workers.values()):
        if worker.poll() is None:
            worker.terminate()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def join(told, heartbeat=10):
    """In a process that was started so: joins the job. Before anything touches a device."""
    import jax

    rank, total, coordinator = told.split("/")
    jax.distributed.initialize(
        coordinator_address=coordinator,
        num_processes=int(total),
        process_id=int(rank),
        heartbeat_timeout_seconds=heartbeat,
    )
    return int(rank)
