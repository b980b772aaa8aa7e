"""Reading: one Film in, one Reading out, or a Refusal."""

from lungwise.reading.artefact import Artefact, ArtefactError, load_artefact
from lungwise.reading.overlay import overlay
from lungwise.reading.reader import Answer, Reader
from lungwise.reading.reading import Reading, Verdict

__all__ = ["Answer", "Artefact", "ArtefactError", "Reader", "Reading", "Verdict", "load_artefact", "overlay"]
