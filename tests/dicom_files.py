"""DICOM files for the tests, written by pydicom."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openjpeg.utils import encode_array
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)


def film_dataset(words: NDArray[Any], **attributes: Any) -> Dataset:
    """A DX film with these stored words, (rows, columns) or (rows, columns, 3); attributes by keyword, None to omit."""
    film = Dataset()
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = generate_uid(entropy_srcs=["a drawn film"])
    film.Modality = "DX"
    film.Rows, film.Columns = words.shape[:2]
    film.SamplesPerPixel = 1 if words.ndim == 2 else 3
    film.PhotometricInterpretation = "MONOCHROME2" if words.ndim == 2 else "RGB"
    if words.ndim == 3:
        film.PlanarConfiguration = 0
    film.BitsAllocated = film.BitsStored = 8 * words.itemsize
    film.PixelRepresentation = int(words.dtype.kind == "i")
    film.add_new("PixelData", "OW" if words.itemsize == 2 else "OB", words.tobytes())
    for name, value in attributes.items():
        if value is None:
            delattr(film, name)
        else:
            setattr(film, name, value)
    if "HighBit" not in film and "BitsStored" in film:
        film.HighBit = max(film.BitsStored - 1, 0)
    return film


def dicom_bytes(film: Dataset, syntax: str = ExplicitVRLittleEndian, *, bare: bool = False) -> bytes:
    """The file of a film in a transfer syntax; `bare` leaves out preamble and file meta information."""
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = UID(syntax)
    file = io.BytesIO()
    if not bare:
        dcmwrite(file, film, enforce_file_format=True)
        return file.getvalue()
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    del film.file_meta
    dcmwrite(file, film, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return file.getvalue()


def dicom_file(words: NDArray[Any], syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """The file of a film of uncompressed words."""
    if syntax == ExplicitVRBigEndian and words.itemsize == 2:
        return dicom_bytes(film_dataset(words, PixelData=words.byteswap().tobytes(), **attributes), syntax)
    return dicom_bytes(film_dataset(words, **attributes), syntax)


def report_file(uid: str, **attributes: Any) -> bytes:
    """The file of a text report, an object that is kept beside films."""
    report = film_dataset(np.zeros((1, 1), np.uint8), SOPInstanceUID=uid, Modality="SR", PixelData=None, **attributes)
    report.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.88.11")
    return dicom_bytes(report)


def compressed_file(frame: bytes, words: NDArray[Any], syntax: str, **attributes: Any) -> bytes:
    """The file of a film of `words` whose pixel data is this compressed frame."""
    film = film_dataset(words, **attributes)
    film.PixelData = encapsulate([frame])
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    return dicom_bytes(film, syntax)


def jpeg_2000(words: NDArray[Any], **options: Any) -> bytes:
    """A lossless JPEG 2000 codestream."""
    colours = 1 if words.ndim == 3 else 2
    return bytes(encode_array(words, photometric_interpretation=colours, use_mct=False, **options))


def lut_item(first: int, entries: NDArray[np.uint16], bits: int = 16) -> Dataset:
    """An item of a modality or VOI LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", "OW", entries.tobytes())
    item.LUTExplanation = "drawn"
    return item


def shipped(name: str) -> bytes:
    """A file that comes with pydicom."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path).read_bytes()


def shipped_jpeg(name: str) -> bytes:
    """The JPEG frame of such a file."""
    data = shipped(name)
    return data[data.index(b"\xff\xd8\xff") : data.rindex(b"\xff\xd9") + 2]
