"""Every refusal and every warning: its code, its sentence, and what to do about it.

A refusal is a code and its values. Its sentence is made where it is shown, in the reader's language:
the English sentences here are message ids for gettext.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lungwise.films.formats import PICTURES

Value = str | int | float
Words = Callable[[str], str]
"""Translates a message id into the reader's language."""

BODY_PART = "body-part"
CHILD = "child"
IMPOSSIBLE_DATE = "impossible-date"
PHOTOGRAPH = "photograph"
TURNED_UPRIGHT = "turned-upright"
UNREADABLE_AGE = "unreadable-age"
NEED_NO_READING: Final = frozenset({"lateral-view", "not-a-chest-film"})
"""Codes of refusals for what a film shows: beside a frontal chest film, nothing is missing without it."""


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a mark
    """Mark a text for translation where it is written."""
    return text


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """Why a film cannot be read: a code for programs, and the values in its sentence.

    Where a code has several sentences, the value `detail` selects one.
    """

    def __init__(self, code: str, values: Mapping[str, Value] | None = None) -> None:
        super().__init__(code, values)
        self.code = code
        self.values: Mapping[str, Value] = dict(values or {})

    @property
    def reason(self) -> str:
        """What happened and what to do, in English."""
        return refusal_sentence(self)

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of one code.

    Parameters
    ----------
    sentence
        What happened; `%(file)s` is the file's name where it is known.
    advice
        What to do.
    subject
        What replaces the file's name where it is not known.
    """

    sentence: str
    advice: str
    subject: str = N_("The file")


_FILM: Final = N_("The film")
_EXPORT: Final = N_("Export it again from its source.")
_SMALLER: Final = N_("Export it at a lower resolution.")
_PNG: Final = N_("Save it as PNG.")
_MONOCHROME: Final = N_("Export it as MONOCHROME2 or RGB.")
_CHOSEN: Final = N_("Check that the right file was chosen.")
_PATH: Final = N_("Check the path and its permissions.")

VALUES: Final[Mapping[str, Value]] = {"pictures": ", ".join(PICTURES[:-1]), "picture": PICTURES[-1]}
"""What every sentence may tell: the formats that are read."""

UNKNOWN: Final = Entry(N_("%(file)s could not be read."), N_("Ask your administrator."))
"""For codes of a newer version of Lungwise."""

REFUSALS: Final[Mapping[str, Entry]] = {
    "empty": Entry(N_("%(file)s is empty."), N_("Copy it again from its source.")),
    "not-an-image": Entry(
        N_("%(file)s is not an X-ray image."),
        N_("Lungwise reads DICOM films and %(pictures)s and %(picture)s pictures: export the film as one of these."),
    ),
    "damaged": Entry(N_("%(file)s is damaged."), _EXPORT),
    "damaged/pixels": Entry(N_("%(file)s is damaged: its pixels cannot be decoded."), _EXPORT),
    "damaged/cut": Entry(N_("%(file)s is damaged: its pixels end too early."), _EXPORT),
    "damaged/header": Entry(N_("%(file)s is damaged: its header cannot be read."), _EXPORT),
    "damaged/header-cut": Entry(N_("%(file)s is damaged: its header ends too early."), _EXPORT),
    "damaged/kind": Entry(N_("%(file)s is damaged: it begins like %(kind)s, and its header cannot be read."), _EXPORT),
    "damaged/no-size": Entry(N_("%(file)s is damaged: its header gives no size."), _EXPORT),
    "damaged/scans": Entry(N_("%(file)s is damaged: it has more scans than any program writes."), _EXPORT),
    "damaged/bytes": Entry(N_("%(file)s is damaged: it has too few bytes for its pixels."), _EXPORT),
    "damaged/no-header": Entry(N_("%(file)s is damaged: its compressed pixels have no header."), _EXPORT),
    "damaged/headers": Entry(N_("%(file)s is damaged: its compressed pixels have more than one header."), _EXPORT),
    "damaged/frames": Entry(N_("%(file)s is damaged: it declares one image and contains several."), _EXPORT),
    "damaged/parts": Entry(N_("%(file)s is damaged: it has more parts than any film (%(part)s)."), _EXPORT),
    "damaged/checksum": Entry(N_("%(file)s is damaged: a checksum of its pixels is wrong."), _EXPORT),
    "damaged/contradiction": Entry(N_("%(file)s is damaged: its header and its pixels do not agree."), _EXPORT),
    "damaged/table": Entry(N_("%(file)s is damaged: a look-up table of its grey levels is broken."), _EXPORT),
    "damaged/numbers": Entry(N_("%(file)s is damaged: some of its pixels are not numbers."), _EXPORT),
    "damaged/compression": Entry(N_("%(file)s is damaged: its pixels are compressed in an unknown way."), _EXPORT),
    "damaged/deflated": Entry(N_("%(file)s is damaged: its compressed part cannot be unpacked."), _EXPORT),
    "damaged/element": Entry(N_("%(file)s is damaged: its data element %(tag)s is longer than the file."), _EXPORT),
    "damaged/value": Entry(N_("%(file)s is damaged: the value of %(name)s in its header cannot be read."), _EXPORT),
    "damaged/not-dicom": Entry(N_("%(file)s is damaged: it does not begin like a DICOM object."), _EXPORT),
    "damaged/uids": Entry(N_("%(file)s is damaged: it names no study or no instance."), _EXPORT),
    "too-small": Entry(
        N_("%(file)s measures %(width)s x %(height)s pixels; its shorter side must have at least %(least)s."),
        N_("Send the original, not its preview."),
        _FILM,
    ),
    "several-frames": Entry(N_("%(file)s contains several images."), N_("Send each film as a separate file.")),
    "too-many-pixels": Entry(
        N_("%(file)s measures %(width)s x %(height)s pixels; the limit is %(most)s megapixels."),
        N_("Export it smaller."),
        _FILM,
    ),
    "too-large": Entry(
        N_("%(file)s is larger than %(most)s MB."), N_("Export the film alone, or at a lower resolution.")
    ),
    "too-large/memory": Entry(N_("%(file)s needs more memory to decode than is available."), _SMALLER),
    "too-large/unpacked": Entry(
        N_("%(file)s is larger than any film once unpacked."), N_("Export it without compression.")
    ),
    "too-slow": Entry(
        N_("%(file)s took more than %(seconds)s seconds to open and was not read."),
        N_("Export it at a lower resolution, or uncompressed."),
    ),
    "not-a-radiograph": Entry(
        N_("%(file)s is not an X-ray film: its modality is %(modality)s."), N_("Send a chest film.")
    ),
    "not-a-radiograph/no-picture": Entry(
        N_("%(file)s contains no image, only a report or a list."), N_("Send the film itself.")
    ),
    "encrypted": Entry(N_("%(file)s is encrypted."), N_("Export it without encryption.")),
    "unsupported": Entry(
        N_("%(file)s is of a kind that Lungwise does not read."), N_("Export it as uncompressed DICOM or as PNG.")
    ),
    "unsupported/syntax": Entry(
        N_("%(file)s has its pixels in transfer syntax %(syntax)s, which Lungwise does not read."),
        N_("Export it uncompressed (Explicit VR Little Endian)."),
    ),
    "unsupported/kind": Entry(N_("%(file)s is a rare kind of %(kind)s, which Lungwise does not read."), _PNG),
    "unsupported/jpeg": Entry(
        N_("%(file)s uses a rare kind of JPEG, which Lungwise does not read."),
        N_("Export it uncompressed, or as JPEG Lossless."),
    ),
    "unsupported/palette": Entry(N_("%(file)s has a palette that Lungwise does not read."), _MONOCHROME),
    "unsupported/bits": Entry(
        N_("%(file)s has %(bits)s bits per pixel; films have 8 or 16."), N_("Export it with 16 bits.")
    ),
    "unsupported/colours": Entry(N_("%(file)s has colours that Lungwise does not read: %(colours)s."), _MONOCHROME),
    "unsupported/library": Entry(
        N_("%(file)s needs the library %(library)s, which is not installed."), N_("Ask your administrator.")
    ),
    "unsupported/not-dicom": Entry(N_("%(file)s is not a DICOM file."), N_("Only DICOM films can be de-identified.")),
    "unsupported/class": Entry(
        N_("%(file)s is not a computed or digital radiograph or a secondary capture."),
        N_("Nothing else is de-identified."),
    ),
    "unsupported/no-picture": Entry(N_("%(file)s contains no image."), N_("Request the whole object.")),
    "unsupported/planes": Entry(
        N_("Colours are given as they are stored, or not at all."), N_("Request the whole object.")
    ),
    "edges-not-found": Entry(
        N_("The edges of the film were not found in the photograph %(file)s."),
        N_("Photograph it again with all four edges in the picture, or mark its corners."),
        N_("that you took"),
    ),
    "blank": Entry(
        N_("%(file)s shows nothing: it is a single shade of grey."),
        N_("Check the exposure, or send the film again."),
        _FILM,
    ),
    "too-dark": Entry(
        N_("%(file)s is too dark to read."), N_("Repeat the exposure, or widen the window, and send it again."), _FILM
    ),
    "too-bright": Entry(
        N_("%(file)s is too bright to read."),
        N_("Repeat the exposure, or narrow the window, and send it again."),
        _FILM,
    ),
    "too-coarse": Entry(
        N_("%(file)s shows too little detail: it is blurred, or was enlarged from a small image."),
        N_("Send the original."),
        _FILM,
    ),
    "cut-off": Entry(
        N_("%(file)s is a narrow strip: part of the chest is cut off."), N_("Send the whole film."), _FILM
    ),
    "turned": Entry(N_("%(file)s is on its side or upside down."), N_("Turn it upright and send it again."), _FILM),
    "lateral-view": Entry(
        N_("%(file)s is a side view; Lungwise reads frontal chest films."),
        N_("Send the PA or AP film from this visit."),
        _FILM,
    ),
    "not-a-chest-film": Entry(N_("%(file)s does not look like a frontal chest film."), _CHOSEN, _FILM),
    "unreachable": Entry(N_("%(file)s cannot be opened."), _PATH),
    "unreachable/missing": Entry(N_("%(file)s cannot be opened: it does not exist."), _PATH),
    "unreachable/rights": Entry(N_("%(file)s cannot be opened: you do not have permission to read it."), _PATH),
    "unreachable/not-regular": Entry(N_("%(file)s cannot be opened: it is not a regular file."), _PATH),
    "server": Entry(
        N_("%(file)s was not read by the server."), N_("The server's administrator can find the reason in the log.")
    ),
    "server/several-films": Entry(
        N_("%(file)s is one of several films on the server, or contains several; it is not clear which is meant."),
        N_("Give each film as a separate file, or look at the study on the server."),
    ),
}
"""By code, or by code and detail. The entry without a detail also serves unknown details."""

WARNINGS: Final[Mapping[str, Entry]] = {
    PHOTOGRAPH: Entry(
        N_("This is a photograph of a film: the film was cut out and straightened."),
        N_("Send the original file if there is one: it is read more reliably. Check that the whole film was found."),
    ),
    TURNED_UPRIGHT: Entry(
        N_("The film was on its side or upside down, and was turned upright before reading."),
        N_("Check that left and right are correct."),
    ),
    CHILD: Entry(
        N_("The patient is a child. Lungwise learnt from films of adults."), N_("Do not rely on this reading.")
    ),
    BODY_PART: Entry(
        N_("The film's header names another part of the body; the picture looks like a chest, and was read as one."),
        N_("Check that this is the right film: the header is often left at its default."),
    ),
    IMPOSSIBLE_DATE: Entry(
        N_("A date in the film's header, of birth or of the study, cannot be right. It is treated as unknown."),
        N_("Check whose film this is, and their age."),
    ),
    UNREADABLE_AGE: Entry(
        N_("The age in the film's header cannot be understood."),
        N_("If the patient is a child, do not rely on this reading."),
    ),
}
"""By the code of a reading's warning."""


def entry_of(refusal: Refusal) -> Entry:
    """Return the entry of a refusal's code and detail."""
    detailed = REFUSALS.get(f"{refusal.code}/{refusal.values.get('detail', '')}")
    return detailed or REFUSALS.get(refusal.code, UNKNOWN)


def refusal_sentence(refusal: Refusal, words: Words = str, file: str = "") -> str:
    """Return what happened and what to do, in the language of `words`.

    Parameters
    ----------
    refusal
        Where it lacks values that its sentence needs (an older version stored it, or a newer server sent it), its
        value `sentence` is returned instead.
    words
        Translates a message id.
    file
        The file's name, where there is one.
    """
    entry, given = entry_of(refusal), str(refusal.values.get("sentence", ""))
    values = {**VALUES, **refusal.values, "file": file or words(entry.subject)}
    if given and (refusal.code == "server" or entry is UNKNOWN):
        return given
    try:
        return f"{words(entry.sentence)} {words(entry.advice)}" % values
    except KeyError:  # a value is not known
        return given or f"{words(UNKNOWN.sentence)} {words(UNKNOWN.advice)}" % values


def warning_sentence(code: str, words: Words = str) -> str:
    """Return what a warning means and what to do, in the language of `words`; an unknown code as it is."""
    entry = WARNINGS.get(code)
    return f"{words(entry.sentence)} {words(entry.advice)}" if entry else code
