"""Run the node with the synthetic films' reader: `python serve_node.py`, settings by environment."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from lungwise.cli import bootstrap
from lungwise.cli.node import node


def main() -> None:
    """Run `lungwise node` as it is, but for the reader."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # what it imports lies beside it
    spec = importlib.util.spec_from_file_location("shared_fixtures", Path(__file__).parents[1] / "conftest.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["shared_fixtures"] = module
    spec.loader.exec_module(module)
    bootstrap.make_reader = lambda streams=None: module.SyntheticReader()
    node([])


if __name__ == "__main__":
    main()
