"""Run the command line with the drawn films' reader: `python with_drawn_reader.py worker`, settings by environment."""

from __future__ import annotations

from conftest import DrawnReader
from lungwise.cli import bootstrap, main

if __name__ == "__main__":
    bootstrap.make_reader = lambda streams=None: DrawnReader()
    main()
