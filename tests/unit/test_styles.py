"""The style sheets keep to one scale of type and one of distances."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import lungwise

SHEETS = sorted((Path(lungwise.__file__).parent / "static").glob("*.css"))
TYPE = {"var(--small)", "1rem", "var(--large)", "var(--title)", "inherit", "0"}
DRAWN = {"11px", "16px"}
"""Letters in a drawing, which are scaled with it."""
DISTANCES = {0.25, 0.5, 0.75, 1, 1.5, 2, 4}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_a_sheet_uses_one_scale_of_type_and_one_of_distances(sheet: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    sizes = set(re.findall(r"font-size: ([^;}]+?)\s*[;}]", text))
    assert sizes <= TYPE | DRAWN
    given = re.findall(r"(?<![-\w])(?:padding|margin|gap|row-gap|column-gap)(?:-\w+)?: ([^;}]+)", text)
    odd = {value for value in given for number in re.findall(r"([\d.]+)rem", value) if float(number) not in DISTANCES}
    assert not odd


def test_fonts_are_named_with_their_hash_and_small() -> None:
    for sheet in SHEETS:
        for name, version in re.findall(r'url\("([\w.]+)\?v=(\w+)"\)', sheet.read_text()):
            font = (sheet.parent / name).read_bytes()
            assert version == hashlib.sha256(font).hexdigest()[:12]
            assert len(font) <= 40_000
