"""JPEG that Pillow does not decode: lossless and of 12 bits, by GDCM in a process that may crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lungwise.films.jpeg_segments import EXTENDED, LOSSLESS, PROGRESSIVE, FrameHeader, JpegSegments, decoded_whole
from lungwise.films.limits import BLOCK, check_coded_bytes, damaged
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import BUSY_FACTOR, check_work, film_seconds, plain_environment

_GDCM_PROCESS = Path(__file__).with_name("gdcm_process.py")
_START_SECONDS, _SAMPLES_PER_SECOND = 1.8, 8_000_000
_PROCESSES = {  # transfer syntax, and samples that a bit codes at the most: the shortest lossless code is one bit
    EXTENDED: ("1.2.840.10008.1.2.4.51", BLOCK),
    PROGRESSIVE: ("1.2.840.10008.1.2.4.55", BLOCK),
    LOSSLESS: ("1.2.840.10008.1.2.4.57", 1),
}


def decode_deep_jpeg(segments: JpegSegments) -> NDArray[Any]:
    """Decode a lossless or 12-bit JPEG.

    Returns
    -------
    (rows, columns) or (rows, columns, components), 8 or 16 bits, as stored.

    Raises
    ------
    Refusal
        `damaged`, or `unsupported` where its coding process is another one.
    """
    header = segments.header
    if header.process not in _PROCESSES:
        raise Refusal("unsupported", {"detail": "jpeg"})
    check_work(header.samples)
    return decoded_whole(segments, lambda frame: _decode_by_gdcm(frame, header))


def _decode_by_gdcm(frame: bytes, header: FrameHeader) -> NDArray[Any]:
    syntax, samples_per_bit = _PROCESSES[header.process]
    check_coded_bytes(frame, header.samples, samples_per_bit)
    seconds = min(_START_SECONDS + header.samples / _SAMPLES_PER_SECOND, film_seconds())
    numbers = (header.columns, header.rows, header.components, header.precision)
    command = [sys.executable, "-I", str(_GDCM_PROCESS), str(seconds), syntax, *map(str, numbers)]
    limits: dict[str, Any] = {"timeout": BUSY_FACTOR * seconds, "env": plain_environment()}
    try:
        done = subprocess.run(command, input=frame, capture_output=True, check=True, **limits)  # noqa: S603
    except subprocess.SubprocessError as error:
        raise damaged("pixels") from error
    return header.samples_in(done.stdout)
