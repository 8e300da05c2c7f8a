"""Runs programs that tensorloom exported as StableHLO, on XLA through jax. `python -m tensorloom_xla --help` says how."""

__version__ = "0.1.0"
