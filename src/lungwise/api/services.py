"""What the API's resources use in a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.patients.service import Patients
from lungwise.receiving.service import Uploads
from lungwise.reports.service import Reports
from lungwise.settings import Settings
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.service import Studies
from lungwise.studies.worklist import Worklist
from lungwise.webkit.request_services import RequestServices


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """The services, over one session.

    Parameters
    ----------
    wait_for_readings
        Waits until a study is read, for so many seconds at most, and holds no transaction meanwhile.
    """

    settings: Settings
    studies: Studies
    patients: Patients
    patient_studies: PatientStudies
    uploads: Uploads
    worklist: Worklist
    statistics: ClinicStatistics
    reports: Reports
    wait_for_readings: Callable[[int, float], bool]


services = RequestServices[ApiServices]("api")
