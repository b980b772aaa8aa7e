"""One compressed DICOM frame: its header is checked first, and then the decoder of its kind runs.

The decoders are native code, so none of them sees a frame whose own header disagrees with
the file's about the size: what they allocate is bounded before they start.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from lungwise.films.deep_jpeg import decode_deep_jpeg
from lungwise.films.dicom.image_pixel import ImagePixel
from lungwise.films.dicom.jpeg_2000 import check_partitions, ended_codestream
from lungwise.films.jpeg_segments import DCT, END, JPEG_LS, FrameHeader, JpegSegments, decoded_whole, jpeg_segments
from lungwise.films.limits import MAX_PIXELS, check_coded_bytes, check_jpeg, check_size, damaged
from lungwise.films.work_limit import SCANS_AS_ONE, check_work

_MAX_BOX_BYTES = 4096
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_START = b"\xff\xd8"
_J2K_WORK = 2
_J2K_SAMPLES_PER_BIT = 128  # its codes have no bound; of films they have more than ten times as many bits


def is_codestream(frame: bytes | memoryview) -> bool:
    """Return whether these bytes begin a JPEG, JPEG-LS or JPEG 2000 frame."""
    head = bytes(frame[:_MAX_BOX_BYTES])
    return head.startswith(_JPEG_START + b"\xff") or _J2K_START in head


def decode_codestream(frame: bytes, pixel: ImagePixel) -> NDArray[Any]:
    """Decode a JPEG, JPEG-LS or JPEG 2000 frame: its first bytes tell which.

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
    start = frame.find(_J2K_START, 0, _MAX_BOX_BYTES)  # some files wrap the codestream in JP2 boxes
    if start < 0:
        raise damaged("compression")
    frame = frame[start:]
    _check_agrees(_j2k_header(frame), pixel)
    check_size(pixel.columns, pixel.rows, MAX_PIXELS // pixel.samples)  # its decoder holds 32 bits a sample, twice
    check_work(_J2K_WORK * pixel.values)
    frame = ended_codestream(frame)
    check_partitions(frame, pixel.values)
    check_coded_bytes(frame, pixel.values, _J2K_SAMPLES_PER_BIT)
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
    if header.process in DCT and header.precision == 8:
        check_jpeg(segments.picture, segments.scans, pixel.columns, pixel.rows)
        check_work(pixel.values * segments.scans // SCANS_AS_ONE)
        return decoded_whole(segments, lambda frame: _decode_by_pillow(frame, pixel))
    return decode_deep_jpeg(segments)


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
    samples = header.samples_in(decoded)
    if details["interleave_mode"] == 0 and header.components > 1:  # plane after plane
        return np.moveaxis(samples.reshape(header.components, header.rows, header.columns), 0, -1)
    return samples


def _j2k_header(frame: bytes) -> FrameHeader:
    """Read the SIZ segment (ITU-T T.800, A.5.1); one grid for all components, of one precision."""
    if len(frame) < 42:
        raise damaged("no-header")
    right, bottom, left, top, *_tiles, components = struct.unpack_from(">8IH", frame, 8)
    each = [frame[42 + 3 * n : 45 + 3 * n] for n in range(min(components, 4))]
    if not each or any(part != each[0][:1] + b"\1\1" for part in each):
        raise damaged("contradiction")
    precision = (each[0][0] & 0x7F) + 1
    return FrameHeader(precision=precision, rows=bottom - top, columns=right - left, components=components)


def decode_run_lengths(segment: memoryview, size: int) -> NDArray[np.uint8]:
    """Decode one segment of RLE (DICOM PS3.5, G.3) by Pillow's PackBits: native, and never longer than `size`."""
    return np.asarray(Image.frombytes("L", (size, 1), bytes(segment), "packbits", "L")).reshape(-1)
