"""Other people's checks of DICOM objects: dicom3tools' dciodvfy and dcentvfy; dcmtk's dsrdump, dcm2pdf and dcm2pnm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from lungwise.results.result_objects import file_bytes


def errors_of(item: Dataset, folder: Path) -> list[str]:
    """What dciodvfy finds wrong with an object."""
    path = folder / f"{item.SOPInstanceUID}.dcm"
    path.write_bytes(file_bytes(item))
    checked = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True, errors="replace")
    return [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]


def disagreements(objects: list[bytes], folder: Path) -> list[str]:
    """What dcentvfy finds that objects of one study say differently of it or of its patient."""
    paths = [folder / f"entity-{number}.dcm" for number in range(len(objects))]
    for path, data in zip(paths, objects, strict=True):
        path.write_bytes(data)
    checked = subprocess.run(["dcentvfy", *map(str, paths)], capture_output=True, text=True, errors="replace")
    return [line for line in (checked.stdout + checked.stderr).splitlines() if line.startswith("Error")]


def dumped(report: Dataset, folder: Path) -> str:
    """A structured report as dcmtk reads it, which finds nothing to complain of."""
    path = folder / "report.dcm"
    path.write_bytes(file_bytes(report))
    read = subprocess.run(["dsrdump", "+Pl", str(path)], capture_output=True, text=True, check=True)
    assert all("does not support this Specific Character Set" in line for line in read.stderr.splitlines()), read.stderr
    return read.stdout


def unwrapped(document: Dataset, folder: Path) -> bytes:
    """The document that dcmtk takes out of an object."""
    path, pdf = folder / "document.dcm", folder / "document.pdf"
    path.write_bytes(file_bytes(document))
    subprocess.run(["dcm2pdf", str(path), str(pdf)], capture_output=True, check=True)
    return pdf.read_bytes()


def drawn(capture: Dataset, folder: Path) -> NDArray[np.uint8]:
    """The picture that dcmtk draws of an object, (rows, columns, 3)."""
    path, picture = folder / "capture.dcm", folder / "capture.png"
    path.write_bytes(file_bytes(capture))
    subprocess.run(["dcm2pnm", "+on", str(path), str(picture)], capture_output=True, check=True)
    return np.asarray(Image.open(picture).convert("RGB"))
