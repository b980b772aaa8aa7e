"""Modality worklists that nobody here wrote: dcmtk's wlmscpfs, and Orthanc's plugin."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicom_peers import until
from orthanc_peer import listens

MARIE = {"PatientID": "P1", "PatientName": "Curie^Marie", "PatientBirthDate": "18671107", "PatientSex": "F"}


def write_entry(folder: Path, number: int, day: str, *, modality: str = "DX", **said: str) -> None:
    """Schedule a chest film."""
    entry, step = Dataset(), Dataset()
    entry.SpecificCharacterSet = "ISO_IR 192"
    ids = {"AccessionNumber": f"A{number}", "StudyInstanceUID": f"1.2.826.0.1.3680043.8.498.{number}"}
    for name, value in {**MARIE, **ids, "RequestedProcedureID": f"RP{number}", **said}.items():
        setattr(entry, name, value)
    entry.RequestedProcedureDescription = "Chest"
    step.Modality, step.ScheduledStationAETitle = modality, "CR1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = day, "090000"
    step.ScheduledProcedureStepID, step.ScheduledProcedureStepDescription = f"S{number}", "Chest"
    entry.ScheduledProcedureStepSequence = [step]
    entry.file_meta = FileMetaDataset()
    entry.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    entry.file_meta.MediaStorageSOPClassUID = UID("1.2.276.0.7230010.3.1.0.1")
    entry.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.3.{number}")
    dcmwrite(folder / f"{number}.wl", entry, enforce_file_format=True)


@contextmanager
def wlmscpfs(folder: Path, port: int) -> Iterator[str]:
    """Serve the entries of FOLDER/RIS, and give the worklist's address."""
    (folder / "RIS" / "lockfile").touch()
    with (folder / "wlmscpfs.log").open("w") as log:
        command = ["wlmscpfs", "--single-process", "-dfp", str(folder), str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: listens(port))
        yield f"RIS@127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
