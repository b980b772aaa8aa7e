"""Run the command line with the synthetic films' reader: `python with_synthetic_reader.py worker`."""

from __future__ import annotations

from conftest import SyntheticReader
from lungwise.cli import bootstrap, main

if __name__ == "__main__":
    bootstrap.make_reader = lambda streams=None: SyntheticReader()
    main()
