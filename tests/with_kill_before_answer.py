"""Run the command line so that it dies of `kill -9` before its first answer to a message, once that is committed."""

from __future__ import annotations

import os
import signal

from lungwise.cli import main
from lungwise.hl7 import listener


def _die(_answer: bytes) -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


if __name__ == "__main__":
    vars(listener)["framed"] = _die
    main()
