"""A film without an accession number: it comes from the worklist of Orthanc, and its results go there under it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.uid import generate_uid
from sqlalchemy import select

from dicom_files import dicom_file
from dicom_peers import running_node, until
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.models import FilmRecord
from orthanc_peer import Orthanc
from servers import free_port
from synthetic_films import chest_bytes
from worklist_peers import MARIE, write_entry

if TYPE_CHECKING:
    from lungwise.settings import Settings


def test_a_film_without_a_number_and_its_results_get_that_of_the_hospitals_worklist(
    settings: Settings, migrate: Callable[[Settings], None], tmp_path: Path
) -> None:
    migrate(settings)
    for name in ("orthanc", "worklist"):
        (tmp_path / name).mkdir()
    orthanc, day = Orthanc(tmp_path / "orthanc", free_port(), free_port()), f"{datetime.now(UTC):%Y%m%d}"
    write_entry(tmp_path / "worklist", 1, day)
    uids = {name: generate_uid() for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom_file(chest_bytes(seed=1), **MARIE, **uids, StudyDate=day))
    asked = {"LUNGWISE_WORKLIST_FROM": orthanc.name, "LUNGWISE_SEND_TO": orthanc.name}
    with orthanc.running(worklist=tmp_path / "worklist"), running_node(settings, **asked) as node:
        assert node.run("dcmsend", film).returncode == 0

        def is_sent() -> bool:
            with node.database.reading() as session:
                return session.scalars(select(Dispatch.state)).all() == ["sent"]

        until(is_sent)
        with node.database.reading() as session:
            assert [one.accession for one in session.scalars(select(FilmRecord))] == ["A1"]
        results = [dcmread(io.BytesIO(orthanc.get(f"/instances/{one['ID']}/file"))) for one in orthanc.all("instances")]
    assert Counter(one.Modality for one in results) >= Counter({"SR": 1, "OT": 1, "DOC": 1})
    assert {(one.AccessionNumber, one.StudyInstanceUID) for one in results} == {("A1", uids["StudyInstanceUID"])}
    (report,) = (one for one in results if one.Modality == "SR")
    assert report.ReferencedRequestSequence[0].AccessionNumber == "A1"
