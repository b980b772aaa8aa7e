"""One compressed DICOM frame: its header is checked first, and then the decoder of its kind runs.

The decoders are native code, so none of them sees a frame whose own header disagrees with
the file's about the size: what they allocate is bounded before they start.
"""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from lungwise.films.dicom.image_pixel import ImagePixel
from lungwise.films.jpeg_2000 import check_partitions, ended_codestream
from lungwise.films.jpeg_segments import (
    BASELINE,
    END,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROGRESSIVE,
    FrameHeader,
    JpegSegments,
    decoded_whole,
    jpeg_segments,
)
from lungwise.films.limits import BLOCK, MAX_PIXELS, check_coded_bytes, check_jpeg, check_size, damaged
from lungwise.films.refusals import Refusal
from lungwise.films.work_limit import SCANS_AS_ONE, check_work, film_seconds, plain_environment

_MOST_BOXES = 4096
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_START = b"\xff\xd8"
_GDCM_PROCESS = Path(__file__).with_name("gdcm_process.py")
_SHORTEST_TIMEOUT, _SAMPLES_A_SECOND = 1.8, 8_000_000
_BUSY = 10
"""How many times slower a busy machine may be: what is bounded closely is the processor's time."""
_GDCM_SYNTAX = {
    EXTENDED: "1.2.840.10008.1.2.4.51",
    PROGRESSIVE: "1.2.840.10008.1.2.4.55",
    LOSSLESS: "1.2.840.10008.1.2.4.57",
}
_GDCM_SAMPLES_A_BIT = {EXTENDED: BLOCK, PROGRESSIVE: BLOCK, LOSSLESS: 1}  # the shortest code is one bit
_J2K_WORK = 2
_J2K_SAMPLES_A_BIT = 128  # its codes have no bound; of films they have more than ten times as many bits


def is_codestream(frame: bytes | memoryview) -> bool:
    """Say whether these bytes begin a JPEG, JPEG-LS or JPEG 2000 frame."""
    head = bytes(frame[:_MOST_BOXES])
    return head.startswith(_JPEG_START + b"\xff") or _J2K_START in head


def decode_codestream(frame: bytes, pixel: ImagePixel) -> NDArray[Any]:
    """Decode a JPEG, JPEG-LS or JPEG 2000 frame: its first bytes say which of them it is.

    Returns
    -------
    (rows, columns) or (rows, columns, 3), 8 or 16 bits, as stored: colours are not converted,
    except that JPEG 2000 undoes its own transform.

    Raises
    ------
    Refusal
        `damaged` or `unsupported`.
    """
    if frame.startswith(_JPEG_START):
        segments = jpeg_segments(frame)
        _check_agrees(segments.header, pixel)
        return _decode_jpeg(segments, pixel)
    start = frame.find(_J2K_START, 0, _MOST_BOXES)  # some files wrap the codestream in JP2 boxes
    if start < 0:
        raise damaged("compression")
    frame = frame[start:]
    _check_agrees(_j2k_header(frame), pixel)
    check_size(pixel.columns, pixel.rows, MAX_PIXELS // pixel.samples)  # its decoder holds 32 bits a sample, twice
    check_work(_J2K_WORK * pixel.values)
    frame = ended_codestream(frame)
    check_partitions(frame, pixel.values)
    check_coded_bytes(frame, pixel.values, _J2K_SAMPLES_A_BIT)
    from openjpeg.utils import decode

    decoded: NDArray[Any] = decode(frame, j2k_format=0)
    return decoded


def _check_agrees(header: FrameHeader, pixel: ImagePixel) -> None:
    measured = (header.rows, header.columns, header.components)
    if measured != (pixel.rows, pixel.columns, pixel.samples) or not 1 <= header.precision <= pixel.bits_allocated:
        raise damaged("contradiction")


def _decode_jpeg(segments: JpegSegments, pixel: ImagePixel) -> NDArray[Any]:
    header = segments.header
    if header.process == JPEG_LS:
        check_work(pixel.values)
        return decoded_whole(segments, lambda frame: _decode_jpeg_ls(frame, header))
    if header.process in (BASELINE, EXTENDED, PROGRESSIVE) and header.precision == 8:
        check_jpeg(segments.picture, segments.scans, pixel.columns, pixel.rows)
        check_work(pixel.values * segments.scans // SCANS_AS_ONE)
        return decoded_whole(segments, lambda frame: _decode_by_pillow(frame, pixel))
    return decode_deep_jpeg(segments)


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
    if header.process not in _GDCM_SYNTAX:
        raise Refusal("unsupported", {"detail": "jpeg"})
    check_work(header.rows * header.columns * header.components)
    return decoded_whole(segments, lambda frame: _decode_by_gdcm(frame, header))


def _decode_by_pillow(frame: bytes, pixel: ImagePixel) -> NDArray[Any]:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(frame))
    transform = image.info.get("adobe_transform")
    untouched = transform == 0 or image.layer[0][0] == ord("R")
    says_ybr = transform == 1 or "jfif" in image.info
    if image.mode == "RGB" and not untouched and not (pixel.photometric == "RGB" and says_ybr):
        image.draft("YCbCr", image.size)  # the components as stored
    return np.asarray(image)


def _decode_jpeg_ls(frame: bytes, header: FrameHeader) -> NDArray[Any]:
    import jpeg_ls

    try:
        decoded, details = jpeg_ls.decode_buffer(frame)
    except RuntimeError:  # some encoders write zeros before the end marker, which CharLS takes for codes
        decoded, details = jpeg_ls.decode_buffer(frame.removesuffix(END).rstrip(b"\0") + END)
    samples = _shaped(np.frombuffer(decoded, _depth(header)), header)
    if details["interleave_mode"] == 0 and header.components > 1:  # plane after plane
        return np.moveaxis(samples.reshape(header.components, header.rows, header.columns), 0, -1)
    return samples


def _decode_by_gdcm(frame: bytes, header: FrameHeader) -> NDArray[Any]:
    """Decode lossless and 12-bit JPEG by GDCM, in a process that may crash."""
    samples = header.rows * header.columns * header.components
    check_coded_bytes(frame, samples, _GDCM_SAMPLES_A_BIT[header.process])
    longest = min(_SHORTEST_TIMEOUT + samples / _SAMPLES_A_SECOND, film_seconds())
    numbers = (header.columns, header.rows, header.components, header.precision)
    command = [sys.executable, "-I", str(_GDCM_PROCESS), str(longest), _GDCM_SYNTAX[header.process], *map(str, numbers)]
    try:
        decoded = subprocess.run(  # noqa: S603
            command,
            input=frame,
            capture_output=True,
            check=True,
            timeout=_BUSY * longest,
            env=plain_environment(),
        ).stdout
    except subprocess.SubprocessError as error:
        raise damaged("pixels") from error
    return _shaped(np.frombuffer(decoded, _depth(header)), header)


def _depth(header: FrameHeader) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if header.precision <= 8 else np.uint16


def _shaped(samples: NDArray[Any], header: FrameHeader) -> NDArray[Any]:
    if samples.size != header.rows * header.columns * header.components:
        raise damaged("contradiction")
    shape = (header.rows, header.columns)
    return samples.reshape(shape if header.components == 1 else (*shape, header.components))


def _j2k_header(frame: bytes) -> FrameHeader:
    """Read the SIZ segment (ITU-T T.800, A.5.1); one grid for all components, of one precision."""
    if len(frame) < 42:
        raise damaged("no-header")
    right, bottom, left, top, *_tiles, components = struct.unpack_from(">8IH", frame, 8)
    each = [frame[42 + 3 * n : 45 + 3 * n] for n in range(min(components, 4))]
    if not each or any(part != each[0][:1] + b"\1\1" for part in each):
        raise damaged("contradiction")
    return FrameHeader(0, (each[0][0] & 0x7F) + 1, bottom - top, right - left, components)


def decode_run_lengths(segment: memoryview, size: int) -> NDArray[np.uint8]:
    """Decode one segment of RLE (DICOM PS3.5, G.3) by Pillow's PackBits: native, and never longer than `size`."""
    return np.asarray(Image.frombytes("L", (size, 1), bytes(segment), "packbits", "L")).reshape(-1)
