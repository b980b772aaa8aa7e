"""The tables of studies."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

import lungwise.patients.service  # noqa: F401 - studies refer to its table
from lungwise import logs
from lungwise.films import Photographed, Refusal
from lungwise.films.film import photographed_from
from lungwise.reading.extent import Extent
from lungwise.reading.own_thresholds import OwnThresholds, stored_thresholds
from lungwise.store import Base, Encrypted, EncryptedText, Moment, Value
from lungwise.store.database import TABLE
from lungwise.store.lease_queue import Leased
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.dispatch_models import Dispatch
from lungwise.studies.film_models import FilmAttributes
from lungwise.studies.lookup_models import AccessionLookup
from lungwise.studies.worklist_indexes import worklist_indexes


class StudyStatus(StrEnum):
    """Where a study stands: its verdict, or why it has none."""

    WAITING = "waiting"
    REFUSED = "refused"
    NEGATIVE = "negative"
    UNCERTAIN = "uncertain"
    POSITIVE = "positive"


class JobState(StrEnum):
    """Where the job of reading one film stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def stored_extent(percent: float | None, brixia: float | None, repeatability: float | None) -> Extent | None:
    """Return the extent of opacity that three columns hold."""
    if percent is None or brixia is None or repeatability is None:
        return None
    return Extent(percent=percent, brixia=brixia, repeatability=repeatability)


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _week(context: DefaultExecutionContext) -> date:
    """Take the week from the moment that is stored beside it."""
    at: datetime = context.get_current_parameters()["created_at"]  # type: ignore[no-untyped-call]
    return monday(at.astimezone(UTC).date())


def _created(context: DefaultExecutionContext) -> datetime:
    """Take the moment of the upload, where it is not known when the films were taken."""
    return context.get_current_parameters()["created_at"]  # type: ignore[no-any-return, no-untyped-call]


class Study(Base):
    """One visit's films of one patient.

    `status`, `probability`, `pattern`, `named_findings`, `conclusion` and `pcr` repeat what its readings, opinions and
    results say, so that the worklist and the statistics need one table. `week`, the Monday of `created_at`, lets
    the database count as it walks an index. `taken_at` is when its first film was taken, or else when it was uploaded.
    The worklist's indexes hold all that it filters by, so that only the lines of the page are fetched. A study that
    came over the network has no author but the AE title of the node that took it, and the Study Instance UID whose
    films it collects. `merged_from_id` is the patient's record that its films came under, where that was merged into
    this patient: so merging can be undone. `stated` is what its author said of the patient. `changed_at` is when what a
    report of it says last changed other than by a reading of it; `report_version` counts those changes, and each time
    that films of it were read for the first time.
    """

    __tablename__ = "studies"
    __table_args__ = (
        *worklist_indexes(),
        Index("ix_studies_statistics", "clinic_id", "week", "standing", "conclusion", "pcr"),
        Index("ix_studies_clinic_id_study_uid", "clinic_id", "study_uid", unique=True),
        TABLE,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinics.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"), index=True)
    merged_from_id: Mapped[int | None] = mapped_column("apart_id", ForeignKey("patients.id"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    node: Mapped[str | None] = mapped_column(String(16))
    study_uid: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
    taken_at: Mapped[datetime] = mapped_column(Moment, default=_created)
    changed_at: Mapped[datetime | None] = mapped_column(Moment)
    report_version: Mapped[int] = mapped_column(default=0, server_default="0")
    week: Mapped[date] = mapped_column(default=_week)
    unread: Mapped[bool] = mapped_column(Boolean(create_constraint=False))
    status: Mapped[str] = mapped_column("standing", String(10))
    probability: Mapped[float] = mapped_column()
    pattern: Mapped[str] = mapped_column(String(40), default="")
    named_findings: Mapped[str] = mapped_column(String(80), default="")
    urgency: Mapped[float] = mapped_column(default=0.0)
    conclusion: Mapped[str | None] = mapped_column(String(20))
    pcr: Mapped[str | None] = mapped_column(String(10))
    clinical_encrypted: Mapped[Value | None] = mapped_column("clinical", Encrypted())
    stated_encrypted: Mapped[Value | None] = mapped_column("stated", Encrypted())

    clinical_json = EncryptedText("clinical_encrypted")
    stated_json = EncryptedText("stated_encrypted")

    films: Mapped[list[FilmRecord]] = relationship(
        order_by="FilmRecord.id", cascade="all, delete-orphan", back_populates="study"
    )
    opinions: Mapped[list[Opinion]] = relationship(order_by="Opinion.id", cascade="all, delete-orphan")
    reference_results: Mapped[list[ReferenceResult]] = relationship(
        order_by="ReferenceResult.tested_on, ReferenceResult.id", cascade="all, delete-orphan"
    )
    dispatches: Mapped[list[Dispatch]] = relationship(order_by="Dispatch.id", cascade="all, delete-orphan")
    accession_lookups: Mapped[list[AccessionLookup]] = relationship(
        order_by=AccessionLookup.id, cascade="all, delete-orphan"
    )

    @property
    def newest_results(self) -> dict[str, ReferenceResult]:
        """The newest result of each test."""
        by_day = sorted(self.reference_results, key=lambda found: (found.tested_on or date.min, found.id))
        return {found.kind: found for found in by_day}

    @property
    def answer_version(self) -> str:
        """Of which films and readings its answer is made: another with each further film and each new reading."""
        made_of = [(film.key, film.reading and (film.reading.id, film.reading.created_at)) for film in self.films]
        return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]

    @property
    def clinical(self) -> ClinicalDetails:
        """The patient's symptoms and oxygen saturation on this visit."""
        return ClinicalDetails.from_json(self.clinical_json)

    @clinical.setter
    def clinical(self, details: ClinicalDetails) -> None:
        if details != self.clinical:
            self.clinical_json = details.as_json()


class FilmRecord(Base):
    """One film of a study; its bytes lie in the film store. A DICOM film keeps its own UIDs; another gets some.

    `header` is what its DICOM header says of the patient, whoever the study's patient is. `by_camera` says that a
    phone's camera took it; `corners` are where a person said that the film lies in the picture, as fractions of it.
    `taken_on` is the day on which its DICOM header says that it was taken, `view` the direction (PA, AP), `device` the
    maker and model of the machine, and `accession` the number of the order: with it a result finds its study.
    `study_date` is the Study Date of its header. `accession_index` finds who has an accession number; it is empty of a
    film without one, and null of a film of an earlier release that is not indexed yet.
    """

    __tablename__ = "films"
    __table_args__ = (UniqueConstraint("study_id", "sha256"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    size: Mapped[int] = mapped_column()
    study_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    series_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    instance_uid: Mapped[str | None] = mapped_column(String(64), index=True)
    by_camera: Mapped[bool] = mapped_column(Boolean(create_constraint=False), default=False)
    corners: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    header_encrypted: Mapped[Value | None] = mapped_column("header", Encrypted())
    taken_on: Mapped[date | None] = mapped_column()
    view: Mapped[str | None] = mapped_column(String(16))
    device: Mapped[str | None] = mapped_column(String(64))
    accession_encrypted: Mapped[Value | None] = mapped_column("accession", Encrypted())
    accession_index: Mapped[str | None] = mapped_column(String(40), index=True)
    study_date: Mapped[date | None] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)

    header = EncryptedText("header_encrypted")
    accession = EncryptedText("accession_encrypted")

    study: Mapped[Study] = relationship(back_populates="films")
    readings: Mapped[list[ReadingRecord]] = relationship(order_by="ReadingRecord.id", cascade="all, delete-orphan")
    jobs: Mapped[list[Job]] = relationship(order_by="Job.id", cascade="all, delete-orphan")
    attributes: Mapped[FilmAttributes | None] = relationship(cascade="all, delete-orphan")

    @property
    def photographed(self) -> Photographed | None:
        """How it was photographed, where a camera took it, or somebody said where the film lies in the picture."""
        return photographed_from(self.corners) if self.by_camera or self.corners else None

    @property
    def asks_for_corners(self) -> bool:
        """Whether a camera took it and nobody has said yet where the film lies; reading waits a while for that."""
        return self.by_camera and not self.corners and not self.readings

    @property
    def reading(self) -> ReadingRecord | None:
        """The newest reading, where there is one."""
        return self.readings[-1] if self.readings else None

    @property
    def quarter_turns(self) -> int:
        """How many quarter turns to the left the film lies off upright, as far as a reading says."""
        return self.reading.quarter_turns if self.reading else 0


class ReadingRecord(Base):
    """What one version of the model said of one film, or why it refused. It never changes.

    A refusal is kept as its code and values; those made before that have a sentence instead, `refusal_reason`.
    `quarter_turns` says how many quarter turns to the left the film lay off upright; the heat map lies as it does.
    `normal_called` and `raised`, the findings that its thresholds raised, are null of readings of earlier releases:
    `stored_answers` says what today's rule makes of them.
    `view` is AP or PA, where the film's file says. `gate`, `grey` and `contrast` say what the picture is like; see
    `reading.reading.PictureFacts`. `thresholds` are the clinic's own; null where it is by the model's.
    Beside them stands what the model said before the clinic's own calibration, of COVID-19 and of each finding: what
    compares the model with itself asks `said_by_model` for it.
    """

    __tablename__ = "readings"
    __table_args__ = (UniqueConstraint("film_id", "model", "version"), TABLE)

    id: Mapped[int] = mapped_column(primary_key=True)
    film_id: Mapped[int] = mapped_column(ForeignKey("films.id", ondelete="CASCADE"))
    model: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(Moment)
    probability: Mapped[float | None] = mapped_column()
    verdict: Mapped[str | None] = mapped_column(String(10))
    appearance: Mapped[dict[str, Any]] = mapped_column(JSON)
    findings: Mapped[dict[str, Any]] = mapped_column(JSON)
    normal_called: Mapped[bool | None] = mapped_column(Boolean(create_constraint=False))
    pattern: Mapped[str | None] = mapped_column(String(40))
    raised: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    extent_percent: Mapped[float | None] = mapped_column()
    extent_brixia: Mapped[float | None] = mapped_column()
    extent_repeatability: Mapped[float | None] = mapped_column()
    view: Mapped[str | None] = mapped_column("view_position", String(2))
    gate: Mapped[float | None] = mapped_column()
    grey: Mapped[float | None] = mapped_column()
    contrast: Mapped[float | None] = mapped_column()
    heat: Mapped[bytes | None] = mapped_column(LargeBinary(4096))
    thresholds: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    model_probability: Mapped[float | None] = mapped_column()
    model_findings: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    quarter_turns: Mapped[int] = mapped_column(default=0, server_default="0")
    refusal_code: Mapped[str | None] = mapped_column(String(40))
    refusal_values: Mapped[dict[str, str | int | float] | None] = mapped_column(JSON)
    refusal_reason: Mapped[str | None] = mapped_column(Text)
    warnings: Mapped[list[str] | None] = mapped_column(JSON)

    @property
    def own_thresholds(self) -> OwnThresholds | None:
        """The clinic's own thresholds that it was given by."""
        return stored_thresholds(self.thresholds)

    @property
    def refusal(self) -> Refusal | None:
        """Why the film was refused, where it was; of an old reading that kept a sentence, with that."""
        if self.refusal_code is None:
            return None
        return Refusal(self.refusal_code, self.refusal_values or {"sentence": self.refusal_reason or ""})

    @property
    def extent(self) -> Extent | None:
        """How much of the lungs is opaque, where the model says it."""
        return stored_extent(self.extent_percent, self.extent_brixia, self.extent_repeatability)

    @extent.setter
    def extent(self, extent: Extent | None) -> None:
        if extent:
            self.extent_percent, self.extent_brixia = float(extent.percent), float(extent.brixia)
            self.extent_repeatability = float(extent.repeatability)

    @property
    def heat_map(self) -> NDArray[np.float32] | None:
        """The heat map in [0, 1], square, where the film was read."""
        if self.heat is None:
            return None
        side = round(len(self.heat) ** 0.5)
        return (np.frombuffer(self.heat, np.uint8).reshape(side, side) / 255).astype(np.float32)


def said_by_model() -> ColumnElement[float | None]:
    """Return the probability of COVID-19 as the model gave it, whatever a clinic's own calibration made of it."""
    return func.coalesce(ReadingRecord.model_probability, ReadingRecord.probability)


class Job(Leased, Base):
    """The work of reading one film, written in the same transaction as the film.

    `model` names the one model that shall read an old film again; it is empty for a new film, which
    any model may read. `due_at` is told by the database's clock. `request_id` is of the request that uploaded the film.
    """

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("film_id", "model"), Index(None, "state", "model", "id"), TABLE)

    film_id: Mapped[int] = mapped_column(ForeignKey("films.id", ondelete="CASCADE"))
    model: Mapped[str] = mapped_column(String(101), default="")
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    request_id: Mapped[str] = mapped_column(String(64), default=lambda: logs.request_id.get())

    film: Mapped[FilmRecord] = relationship(back_populates="jobs")


class Opinion(Base):
    """What a doctor concludes; kept with time and author, never changed."""

    __tablename__ = "opinions"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    author_name: Mapped[str] = mapped_column(String(120))
    author_role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(Moment)
    agrees: Mapped[bool | None] = mapped_column(Boolean(create_constraint=False))
    conclusion: Mapped[str | None] = mapped_column(String(20))
    other_encrypted: Mapped[Value | None] = mapped_column("other", Encrypted())
    note_encrypted: Mapped[Value] = mapped_column("note", Encrypted())

    other = EncryptedText("other_encrypted")
    note = EncryptedText("note_encrypted")


class ReferenceResult(Base):
    """What one test found, or a radiologist saw: which, what, when and why it was done; who entered it, and when.

    `tested_on` and `reason` are missing of results that an earlier release kept, which had neither.
    """

    __tablename__ = "reference_results"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(20), unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    result: Mapped[str] = mapped_column(String(20))
    tested_on: Mapped[date | None] = mapped_column()
    reason: Mapped[str | None] = mapped_column(String(10))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    author_name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(Moment)
