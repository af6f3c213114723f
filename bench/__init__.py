"""The benchmark engine: types, identity, plan, run, metrics, score, store and command line."""

__version__ = "0.1.0"
