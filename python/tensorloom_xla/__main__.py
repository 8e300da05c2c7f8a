"""python -m tensorloom_xla run DIR --data data.npz --steps 500"""
import argparse
import os
import sys

from .errors import UserError


def parser():
    top = argparse.ArgumentParser(prog="python -m tensorloom_xla", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run steps of an exported program")
    run.add_argument("folder", help="what `tensorloom export --format stablehlo` wrote")
    run.add_argument("--data", help="an npz file with an array for each input, samples along the first axis")
    run.add_argument("--steps", type=_number, required=True, help="steps in all, with those of the run that is resumed")
    run.add_argument("--entry", default="train", help="the entry to run (default: train)")
    run.add_argument("--checkpoint", help="where the states are saved at the end, and every so many steps")
    run.add_argument("--every", type=_number, default=0, help="save after every so many steps")
    run.add_argument("--resume", action="store_true", help="go on from --checkpoint, if it is there")
    run.add_argument("--from", dest="source", help="begin with the states of this checkpoint")
    run.add_argument("--log", help="a file that lines of JSON are added to")
    run.add_argument("--shuffle-seed", type=_number, help="another order of samples than that of the program's own seed")
    run.add_argument("--no-shuffle", action="store_true", help="leave the samples in their order")
    run.add_argument("--platform", help="cpu, gpu: what jax calls it (default: the best there is)")
    run.add_argument("--devices", type=_count, help="devices of a CPU that each process makes of it")
    run.add_argument("--processes", type=_count, default=1, help="processes of the job, on one host or several")
    run.add_argument("--process", type=_number, help="the number of this one, where each host starts its own")
    run.add_argument("--coordinator", help="HOST:PORT of process 0, where each host starts its own")
    run.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return top


def _number(text):
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return int(text)


def _count(text):
    value = _number(text)
    if value == 0:
        raise argparse.ArgumentTypeError("a whole number from 1 is wanted")
    return value


def main(arguments):
    options = parser().parse_args(arguments)
    try:
        return start(options, arguments)
    except UserError as error:
        print(f"tensorloom_xla: {error}", file=sys.stderr)
        return 2


def start(options, arguments):
    worker = os.environ.get("TENSORLOOM_XLA_WORKER")
    if worker is None and (options.processes > 1 or options.process is not None):
        from .processes import supervise

        ranks = _ranks(options)
        return supervise(arguments, ranks, options.processes, options.coordinator, options.checkpoint)
    if options.platform is not None:
        os.environ["JAX_PLATFORMS"] = options.platform
    if options.devices:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={options.devices}".strip()
    _check_jax()
    rank = 0
    if worker is not None:
        from .processes import join

        rank = join(worker)
    import jax

    jax.config.update("jax_enable_x64", True)
    from .train import run

    return run(options, rank)


def _ranks(options):
    if options.process is None:
        return range(options.processes)
    if options.coordinator is None:
        raise UserError("--process needs --coordinator HOST:PORT, the address of process 0")
    if options.process >= options.processes:
        raise UserError(f"--process {options.process}: there are {options.processes}, counted from 0 (--processes)")
    return [options.process]


def _check_jax():
    try:
        import jax  # noqa: F401
    except ImportError:
        raise UserError("jax is not installed: pip install jax (see https://docs.jax.dev/en/latest/installation.html)") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
