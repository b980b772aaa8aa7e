"""Other people's checks of DICOM objects: dciodvfy of dicom3tools and dsrdump of dcmtk."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pydicom.dataset import Dataset

from lungwise.dicom.results import file_bytes


def errors_of(item: Dataset, folder: Path) -> list[str]:
    """What dciodvfy finds wrong with an object."""
    path = folder / f"{item.SOPInstanceUID}.dcm"
    path.write_bytes(file_bytes(item))
    checked = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace")
    return [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]


def dumped(report: Dataset, folder: Path) -> str:
    """A structured report as dcmtk reads it."""
    path = folder / "report.dcm"
    path.write_bytes(file_bytes(report))
    return subprocess.run(["dsrdump", "+Pl", str(path)], capture_output=True, text=True, check=True).stdout
