"""What the API's resources use in a request."""

from __future__ import annotations

from typing import Protocol

from lungwise.clinics.clinic_settings import ClinicSettings
from lungwise.clinics.thresholds import Thresholds
from lungwise.jobs.unsent import Unsent
from lungwise.monitoring.aggregates import Aggregates
from lungwise.monitoring.statistics import ClinicStatistics
from lungwise.orders.service import Orders
from lungwise.patients.service import Patients
from lungwise.receiving.service import Uploads
from lungwise.reports.patient_export import PatientExport
from lungwise.reports.service import Reports
from lungwise.settings import Settings
from lungwise.studies.headlines import Headlines
from lungwise.studies.patient_studies import PatientStudies
from lungwise.studies.reference_results import ReferenceResults
from lungwise.studies.result_export import ResultExport
from lungwise.studies.result_import import ResultImport
from lungwise.studies.service import Studies
from lungwise.studies.worklist import Worklist
from lungwise.webkit.request_services import RequestServices


class ApiServices(Protocol):
    """The services, over one session."""

    settings: Settings
    thresholds: Thresholds
    studies: Studies
    reference_results: ReferenceResults
    patients: Patients
    patient_studies: PatientStudies
    uploads: Uploads
    worklist: Worklist
    statistics: ClinicStatistics
    aggregates: Aggregates
    unsent: Unsent
    orders: Orders
    result_export: ResultExport

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set for which the request is made."""

    @property
    def result_import(self) -> ResultImport:
        """Takes tables of test results."""

    @property
    def headlines(self) -> Headlines:
        """Writes the headlines of films and studies."""

    @property
    def reports(self) -> Reports:
        """Makes the reports of the clinic's studies."""

    @property
    def patient_export(self) -> PatientExport:
        """Writes all that is kept about a patient."""

    def wait_for_readings(self, study_id: int, seconds: float) -> bool:
        """Wait until a study is read, for so many seconds at most. No transaction is held meanwhile."""


services = RequestServices[ApiServices]("api")
