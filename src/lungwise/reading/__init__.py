"""Reading: one Film in, one Reading out, or a Refusal."""

from lungwise.reading.artefact import Artefact, ArtefactError, load_artefact
from lungwise.reading.overlay import overlay
from lungwise.reading.reader import Reader, ReadFile
from lungwise.reading.reading import Normal, Reading, Verdict

__all__ = [
    "Artefact",
    "ArtefactError",
    "Normal",
    "ReadFile",
    "Reader",
    "Reading",
    "Verdict",
    "load_artefact",
    "overlay",
]
