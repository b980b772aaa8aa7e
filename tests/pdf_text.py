"""Reads our PDFs as others do: with pypdf, and with Poppler's pdftotext."""

from __future__ import annotations

import io
import subprocess
import unicodedata
from pathlib import Path

from pypdf import PdfReader
from pypdf.generic import DictionaryObject


def texts_of(pdf: bytes, folder: Path) -> tuple[str, str]:
    """Return the text that pypdf and pdftotext find, in Unicode's composed form, without marks of direction."""
    file = folder / "report.pdf"
    file.write_bytes(pdf)
    poppler = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True, text=True)
    ours = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return _plain(ours), _plain(poppler.stdout)


def _plain(text: str) -> str:
    seen = "".join(letter for letter in text if letter == "\n" or unicodedata.category(letter) != "Cf")
    return "\n".join(" ".join(line.split()) for line in seen.splitlines())


def missing_glyphs(pdf: bytes) -> int:
    """Count the codes of all fonts that show .notdef."""
    count = 0
    for page in PdfReader(io.BytesIO(pdf)).pages:
        resources = page["/Resources"]
        assert isinstance(resources, DictionaryObject)
        for font in resources["/Font"].values():  # type: ignore[attr-defined]
            if font["/Subtype"] == "/Type0":
                glyphs = font["/DescendantFonts"][0]["/CIDToGIDMap"].get_data()
                count += sum(glyphs[at : at + 2] == b"\0\0" for at in range(2, len(glyphs), 2))
    return count
