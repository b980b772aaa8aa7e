from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEGLosslessSV1

from dicom_files import shipped, shipped_jpeg
from lungwise.films import gdcm_process

LOSSLESS = "JPGLosslessP14SV1_1s_1f_8b.dcm"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the bound on the processor's time is not Windows's")
def test_a_decoder_that_works_for_too_long_is_ended_by_its_own_clock() -> None:
    folder = str(Path(gdcm_process.__file__).parent)
    endless = f"import sys; sys.path.append({folder!r}); import gdcm_process as g; g.limit_time(0.05)\nwhile True: pass"

    done = subprocess.run([sys.executable, "-c", endless], timeout=120, check=False)

    assert done.returncode == -signal.SIGPROF


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_a_decoder_that_takes_too_much_memory_gets_none() -> None:
    folder = str(Path(gdcm_process.__file__).parent)
    greedy = f"import sys; sys.path.append({folder!r}); import gdcm_process as g; g.limit_memory(2**28); bytes(2**28)"

    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, check=False)

    assert b"MemoryError" in done.stderr


def test_a_lossless_frame_is_decoded_as_it_is_stored() -> None:
    stored = dcmread(io.BytesIO(shipped(LOSSLESS))).pixel_array
    numbers = (stored.shape[1], stored.shape[0], 1, 8)
    command = [sys.executable, "-I", gdcm_process.__file__, "20", JPEGLosslessSV1, *map(str, numbers)]

    done = subprocess.run(command, input=shipped_jpeg(LOSSLESS), capture_output=True, check=True)

    assert np.array_equal(np.frombuffer(done.stdout, np.uint8).reshape(stored.shape), stored)
