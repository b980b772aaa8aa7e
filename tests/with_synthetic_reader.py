"""Run the command line with the synthetic films' reader: `python with_synthetic_reader.py worker`."""

from __future__ import annotations

from lungwise.cli import bootstrap, main
from synthetic_reader import SyntheticReader

if __name__ == "__main__":
    bootstrap.make_reader = lambda streams=None: SyntheticReader()
    main()
