"""Reads our PDFs as others do: with pypdf, and with Poppler's pdftotext."""

from __future__ import annotations

import io
import subprocess
import unicodedata
from pathlib import Path

from pypdf import PdfReader
from pypdf.generic import DictionaryObject


def texts_of(pdf: bytes, folder: Path, page: int | None = None) -> tuple[str, str]:
    """Return the text that pypdf and pdftotext find, in Unicode's composed form, without marks of direction.

    Parameters
    ----------
    page
        The one page that is read, counted from one; without it all are.
    """
    file = folder / "report.pdf"
    file.write_bytes(pdf)
    only = ["-f", str(page), "-l", str(page)] if page else []
    poppler = subprocess.run(
        ["pdftotext", "-layout", *only, str(file), "-"], capture_output=True, check=True, text=True
    )
    pages = PdfReader(io.BytesIO(pdf)).pages
    ours = "\n".join(one.extract_text() for one in (pages[page - 1 : page] if page else pages))
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
