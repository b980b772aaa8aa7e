"""What is written on a page and in a PDF."""

from __future__ import annotations

import io
import re
from html import unescape

from pypdf import PdfReader


def text_of_page(page: str) -> str:
    """What is written on a page, on one line."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())


def text_of_pdf(pdf: bytes, pages: int | None = None) -> str:
    """What is written on the pages of a PDF, or on its first ones, on one line."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages[:pages]).split())
