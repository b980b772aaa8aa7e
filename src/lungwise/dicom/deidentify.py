"""De-identification of films by the Basic Profile of PS3.15, annex E."""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from lungwise.dicom.confidentiality import CODES, EMPTIED, KEPT, REPLACED_UIDS
from lungwise.films import Refusal
from lungwise.films.dicom.elements import PIXEL_DATA, DataSet, Elements, read_data_set
from lungwise.films.dicom.grey_levels import luminance
from lungwise.films.dicom.header import header_of
from lungwise.films.dicom.image_pixel import ImagePixel, read_image_pixel
from lungwise.films.dicom.pixel_data import bounded_words, check_syntax
from lungwise.films.formats import kind_of
from lungwise.films.limits import damaged
from lungwise.results.result_objects import file_bytes

METHOD = "Lungwise: DICOM PS3.15 Basic Profile, kept attributes listed"
FILMS = frozenset(
    {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        SecondaryCaptureImageStorage,
    }
)
"""What is taken; a report or a document names its patient anywhere, and no table can say where."""
_DEEPEST = 4
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_STATEMENT = "Lungwise does not look for text in the picture."


@dataclass(frozen=True, slots=True)
class Deidentified:
    """A film without its patient, the name of its file, and why a person must look at the picture first."""

    data: bytes
    name: str
    warning: str


def deidentify(data: bytes, secret: str) -> Deidentified:
    """Make a film that says nothing of its patient, but which films belong together.

    Its header is written anew from the attributes that may stay. Its pixels are decoded and written
    uncompressed, so that no comment inside a compressed frame and no overlay in spare bits comes along.

    Parameters
    ----------
    secret
        Decides the new UIDs and the pseudonym: with the same secret, films of one study and of one patient
        stay together; without it nobody can tell which they were.

    Raises
    ------
    Refusal
        If it is no DICOM film, or its pixels cannot be read.
    """
    if kind_of(data) != "DICOM":
        raise Refusal("unsupported", {"detail": "not-dicom"})
    found = read_data_set(data)
    elements = found.elements()
    _check_film(found.syntax, elements)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are about to go
        source = _parsed(found)
        film = _kept(source, found.encoding.order, 0)
        _replace(film, source, _Pseudonyms(secret))
    pixel = read_image_pixel(elements)
    _put_pixels(film, bounded_words(data, elements, found.syntax, pixel), pixel)
    _declare(film)
    return Deidentified(file_bytes(film), f"{film.SOPInstanceUID}.dcm", _warning(film))


def _check_film(syntax: str, elements: Elements) -> None:
    if header_of(elements).sop_class not in FILMS or PIXEL_DATA not in elements:
        raise Refusal("unsupported", {"detail": "class"})
    check_syntax(syntax)


class _Pseudonyms:
    """New names for old ones, by HMAC: the same for the same, and not to be reversed without the secret."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"lungwise de-identification\0" + secret.encode()).digest()

    def uid(self, old: str) -> str:
        return f"2.25.{int.from_bytes(self._digest('uid', old)[:16], 'big')}"

    def patient(self, *old: str) -> str:
        return "P" + self._digest("patient", *old).hex()[:15].upper()

    def _digest(self, *words: str) -> bytes:
        return hmac.digest(self._secret, "\0".join(words).encode(), "sha256")


def _parsed(found: DataSet) -> Dataset:
    """Parse the data set as its bytes are, whatever the file's meta information says or lacks."""
    source = io.BytesIO(found.data[found.start :])
    implicit, little = not found.encoding.explicit, found.encoding.order == "<"
    try:
        return read_dataset(source, implicit, little, stop_when=lambda tag, _vr, _length: tag >= PIXEL_DATA)
    except Exception as error:  # pydicom raises anything of foreign bytes
        raise damaged("header") from error


def _kept(source: Dataset, order: str, depth: int) -> Dataset:
    kept = Dataset()
    for tag in source.keys():  # noqa: SIM118 - iterating the dataset would parse what is to go
        try:
            element = source[tag]
        except (ValueError, TypeError, KeyError, NotImplementedError, OverflowError):
            continue
        if element.keyword in KEPT and _is_sound(element):
            keep(kept, element, order, depth)
    return kept


def keep(kept: Dataset, element: DataElement, order: str, depth: int) -> None:
    """Keep an element; what pydicom hands out as it was written is put in little-endian order."""
    if order == ">" and element.VR in _WORD_BYTES:
        kept.add_new(element.tag, element.VR, _turned(element.value or b"", _WORD_BYTES[element.VR]))
    elif element.VR != "SQ":
        kept.add(element)
    elif depth < _DEEPEST:
        items = [_kept(item, order, depth + 1) for item in element.value]
        kept.add_new(element.tag, "SQ", Sequence([item for item in items if _is_known(item)]))


def _turned(value: bytes, size: int) -> bytes:
    """Turn the bytes of each word around: pydicom hands such values out as they were written."""
    whole = len(value) // size * size
    return np.frombuffer(value[:whole], f"u{size}").byteswap().tobytes() + value[whole:]


def _is_sound(element: DataElement) -> bool:
    """Return whether a value is of the kind that its attribute has: a name may hide in a field of another kind."""
    if element.VR not in dictionary_VR(element.tag):
        return False
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    return element.VR != "CS" or all(re.fullmatch("[A-Z0-9_ ]{0,16}", str(value or "")) for value in values)


def _values(source: Dataset, name: str) -> list[object]:
    try:
        value = source[name].value
    except (ValueError, TypeError, KeyError, NotImplementedError, OverflowError) as error:
        raise damaged("value", name=name) from error
    return list(value) if isinstance(value, MultiValue) else [value] if value else []


def _is_known(item: Dataset) -> bool:
    """Keep a code of a dictionary or a look-up table; a hospital's own code may say anything."""
    return item.get("CodingSchemeDesignator") in CODES if "CodeValue" in item else "LUTData" in item


def _replace(film: Dataset, source: Dataset, pseudonyms: _Pseudonyms) -> None:
    for name in REPLACED_UIDS:
        if name in source:
            setattr(film, name, [pseudonyms.uid(str(uid)) for uid in _values(source, name)] or "")
    for name in EMPTIED:
        if name in source:
            setattr(film, name, [] if name.endswith("Sequence") else "")
    whose = [str(source.get(name, "")) for name in ("IssuerOfPatientID", "PatientID")]
    if not whose[1]:  # without an identifier nothing says that two films are of one patient
        whose = ["", str(source.get("SOPInstanceUID", ""))]
    film.PatientID = film.PatientName = pseudonyms.patient(*whose)
    film.PatientBirthDate = film.PatientSex = ""


def _put_pixels(film: Dataset, words: NDArray[Any], pixel: ImagePixel) -> None:
    if pixel.samples == 1:
        plain = _plain_words(words, pixel)
    else:
        plain = np.rint(luminance(words, pixel) * 255).astype(np.uint8)
        film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
        film.BitsStored, film.PixelRepresentation = 8, 0
    film.Rows, film.Columns = plain.shape
    film.BitsAllocated = 8 * plain.itemsize
    film.HighBit = film.BitsStored - 1
    data = plain.tobytes()
    film.add_new("PixelData", "OW" if plain.itemsize == 2 else "OB", data + bytes(len(data) % 2))


def _plain_words(words: NDArray[np.generic], pixel: ImagePixel) -> NDArray[np.generic]:
    """Move the stored bits to the lowest ones and clear the spare ones, which may hold an overlay."""
    stored = words.astype(np.int64) >> (pixel.high_bit + 1 - pixel.bits_stored) & (1 << pixel.bits_stored) - 1
    if pixel.signed:
        sign = 1 << (pixel.bits_stored - 1)
        stored = (stored ^ sign) - sign
    return stored.astype(f"<{'i' if pixel.signed else 'u'}{pixel.bits_allocated // 8}")


def _declare(film: Dataset) -> None:
    film.PatientIdentityRemoved = "YES"
    film.DeidentificationMethod = METHOD
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    film.DeidentificationMethodCodeSequence = [code]
    film.LongitudinalTemporalInformationModified = "REMOVED"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = UID(ExplicitVRLittleEndian)


def _warning(film: Dataset) -> str:
    burned_in = film.get("BurnedInAnnotation", "")
    if burned_in == "YES":
        return f"The film says that text is burnt into the picture. {_STATEMENT} Do not give it away as it is."
    if film.get("SOPClassUID") == SecondaryCaptureImageStorage:
        return f"The film is a secondary capture, which often has the patient's name in the picture. {_STATEMENT}"
    if burned_in != "NO":
        return f"The film does not say whether text is burnt into the picture. {_STATEMENT}"
    return f"The film says that no text is burnt into the picture. {_STATEMENT}"
