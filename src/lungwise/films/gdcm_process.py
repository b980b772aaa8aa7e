"""GDCM in a process of its own: decodes the lossless or 12-bit JPEG on standard input to standard output.

GDCM is the one permissive decoder of these, and ends its whole process when a frame is damaged
in certain ways. So it runs where it takes nothing else with it, and is given a film's memory only.
Started by `deep_jpeg.py` as `python -I gdcm_process.py SECONDS SYNTAX COLUMNS ROWS COMPONENTS PRECISION`.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gdcm

_MEMORY_BYTES = 2**30


def main(seconds: float, syntax: str, columns: int, rows: int, components: int, precision: int) -> None:
    """Decode the frame on standard input."""
    limit_time(seconds)
    limit_memory(_MEMORY_BYTES)
    pixels = _image(sys.stdin.buffer.read(), syntax, (columns, rows), components, precision).GetBuffer()
    sys.stdout.buffer.write(pixels.encode("utf-8", "surrogateescape"))  # GDCM hands bytes out as text


def limit_time(seconds: float) -> None:
    """End this process after so many seconds of the processor's time."""
    if hasattr(signal, "setitimer"):  # Windows has no such limit; the caller has a timeout
        signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory(size: int) -> None:
    """Limit this process's address space to so many bytes, and leave no core file behind."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _image(frame: bytes, syntax: str, size: tuple[int, int], components: int, precision: int) -> gdcm.Image:
    import gdcm  # here, since the process of large films takes its limits from this module, without GDCM

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((*size, 1))
    image.SetDataElement(_pixel_data(frame))
    colours = gdcm.PhotometricInterpretation.MONOCHROME2 if components == 1 else gdcm.PhotometricInterpretation.RGB
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(colours))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    allocated = 8 if precision <= 8 else 16
    image.SetPixelFormat(gdcm.PixelFormat(components, allocated, precision, precision - 1, 0))
    return image


def _pixel_data(frame: bytes) -> gdcm.DataElement:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    return element


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], *(int(number) for number in sys.argv[3:]))
