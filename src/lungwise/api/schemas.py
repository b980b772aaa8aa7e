"""What the API takes and gives, as Pydantic models: they check, they document, and the client reads with them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import AliasChoices, Field

from lungwise.api.extent_schemas import Extent, ExtentChange, View
from lungwise.api.headline_schemas import Headline, Normal
from lungwise.api.identifier_schemas import Identifier
from lungwise.api.opinion_schemas import ClinicalDetails as ClinicalDetails
from lungwise.api.opinion_schemas import ClinicalDetailsIn as ClinicalDetailsIn
from lungwise.api.opinion_schemas import Concluded as Concluded
from lungwise.api.opinion_schemas import Opinion as Opinion
from lungwise.api.opinion_schemas import OpinionIn as OpinionIn
from lungwise.api.opinion_schemas import Opinions as Opinions
from lungwise.api.opinion_schemas import ReferenceResult as ReferenceResult
from lungwise.api.opinion_schemas import ReferenceResultIn as ReferenceResultIn
from lungwise.api.order_schemas import StudyOrder
from lungwise.api.schema_base import (
    LINE,
    Asked,
    Day,
    Decided,
    Flag,
    Identity,
    Key,
    Next,
    PatientCursor,
    Probability,
    Schema,
    Seconds,
    StudyCursor,
    Words,
)
from lungwise.api.schema_base import LONGEST_WAIT as LONGEST_WAIT
from lungwise.api.schema_base import Order as Order
from lungwise.api.schema_base import Status as Status
from lungwise.api.schema_base import Verdict as Verdict
from lungwise.api.threshold_schemas import OwnThresholds


class Problem(Schema):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(description="A name for the kind of problem; `about:blank` where the status says it all.")
    title: str = Field(description="One sentence for people: what happened, and what to do.")
    status: int = Field(description="The HTTP status again.", ge=400, le=599)
    errors: list[FieldError] = Field(default=[], description="What is wrong with which part of the request.")


class FieldError(Schema):
    """What is wrong with one part of a request."""

    where: str
    what: str


class Refusal(Schema):
    """Why a film could not be read."""

    code: str
    reason: str = Field(description="One sentence for people in the language that was asked for, and what to do.")
    values: dict[str, str | int | float] = Field(
        default={}, description="What the sentence tells, for programs; `detail` says which sentence of the code it is."
    )


class Caution(Schema):
    """What to know before a reading is believed."""

    code: str = Field(description="photograph, turned-upright, child, impossible-date, unreadable-age or body-part.")
    sentence: str


class ModelName(Schema):
    """Which model, in which version; empty where a film was refused before any model saw it."""

    name: str
    version: str


class Reading(Schema):
    """What one version of the model says of one film. It never changes."""

    created_at: datetime
    model: ModelName
    verdict: Verdict | None = Field(description="Null where the film was refused.")
    probability: Probability | None = Field(description="Calibrated probability of COVID-19; null where refused.")
    appearance: dict[str, float] = Field(description="Probability of each of the radiologists' appearances.")
    findings: dict[str, float] = Field(
        description="Calibrated probability of each finding, each on its own; of COVID-19 the same as `probability`."
    )
    normal: Normal | None = Field(default=None, description="Null where the film was refused.")
    pattern: str | None = Field(
        default=None,
        description="The finding that the film looks like; `other` where it looks like none of them and is not called "
        "normal; null where it is normal, or was refused.",
    )
    extent: Extent | None = Field(default=None, description="Null where refused, or where the model does not say it.")
    view: View | None = Field(default=None, description="Where the film's file says it.")
    thresholds: OwnThresholds | None = Field(
        default=None, description="The clinic's own thresholds that it was given by; null of the model's."
    )
    refusal: Refusal | None
    warnings: list[Caution] = Field(default=[], description="What to know before the reading is believed.")


class Header(Schema):
    """What a film's own DICOM header says of the patient, whoever the study's patient is."""

    identifier: str
    issuer: str
    name: str
    ideographic: str
    phonetic: str
    sex: Literal["", "F", "M", "O"]
    birth_date: date | None = Field(description="Null where it is missing, or cannot be right.")
    differs: bool = Field(description="Whether it says something else than the patient's record does.")


class Film(Schema):
    """One film of a study."""

    key: Key
    study: Key
    sha256: str = Field(description="SHA-256 of the file as it was uploaded.")
    kind: str = Field(description="The format of the file, such as JPEG or DICOM.")
    size: int = Field(description="Bytes of the file.", ge=0)
    created_at: datetime
    identifiers: list[Identifier] = Field(
        default=[], description="The number of its order, and the UIDs of its study, its series and itself."
    )
    header: Header | None = Field(description="What its DICOM header says of the patient; null of other films.")
    reading: Reading | None = Field(description="The newest reading; null while the film waits for it.")
    headline: Headline | None = Field(default=None, description="What the pages say of the film.")
    extent_change: ExtentChange | None = Field(
        default=None,
        description="What changed since the last earlier film that it can be compared with: of the same patient, from "
        "the same side, read by the same model; null where there is none.",
    )


class HeatMap(Schema):
    """Where the model looked: airspace opacity place by place."""

    side: int = Field(ge=1)
    values: list[list[Probability]] = Field(description="Rows from the top, each from the left, over the whole film.")


class Patient(Schema):
    """A patient of the clinic."""

    key: Key
    identifier: str
    issuer: str = Field(description="Who gave the identifier, as DICOM's Issuer of Patient ID; empty where unknown.")
    name: str
    ideographic: str = Field(description="The name in ideographs, where it is known.")
    phonetic: str = Field(description="The name in phonetic letters, where it is known.")
    sex: Literal["", "F", "M", "O"]
    birth_date: date | None
    identity: Identity


class StudySummary(Schema):
    """One line of the worklist."""

    key: Key
    patient: Key
    identity: Identity
    created_at: datetime
    standing: Status = Field(description="The verdict, or why there is none.")
    probability: Probability | None = Field(
        description="Of COVID-19, of the film whose verdict the study has; null where there is no verdict."
    )
    conclusion: Concluded | None = Field(description="The last doctor's.")
    conclusion_outdated: bool = Field(
        default=False, description="Whether a film was added or read since: nobody has concluded on the study as it is."
    )
    pcr: Decided | None = Field(description="The newest result of a PCR test.")
    headline: Headline | None = Field(default=None, description="What the pages say of the study.")
    unread: bool = Field(description="Whether nobody has opened its page since it was read.")


class Study(StudySummary):
    """One visit's films of one patient, their readings and the doctors' opinions."""

    identifiers: list[Identifier] = Field(
        default=[], description="The accession numbers of its films, and the UIDs of its DICOM studies."
    )
    orders: list[StudyOrder] = Field(default=[], description="The orders that it answers.")
    others_orders: list[str] = Field(
        default=[],
        description="The numbers of other patients' orders that its films name: make sure whose films these are. It "
        "answers none of these.",
    )
    films: list[Film]
    answer_version: str = Field(
        default="",
        description="Of which films and readings the answer is: another with each further film and each new reading.",
    )
    opinions: list[Opinion]
    reference_results: list[ReferenceResult]
    clinical_details: ClinicalDetails


class NotTaken(Schema):
    """One file of an upload that is no new film."""

    name: str
    code: Literal["no-film", "too-large", "damaged", "own-result", "already-here", "kept-aside"]
    reason: str = Field(description="The same as a sentence.")
    study: str | None = Field(description="The study that has the film already.")


class Upload(Study):
    """The study that films were uploaded into, how many of them it took, and what of the upload is no new film."""

    taken: int
    not_taken: list[NotTaken]


class StudyPage(Schema):
    """A page of studies; the unread first."""

    items: list[StudySummary]
    next: Next


class PatientStudies(Patient):
    """A patient with their studies, the newest first."""

    studies: list[StudySummary]


class PatientPage(Schema):
    """A page of patients, the newest first."""

    items: list[Patient]
    next: Next


class FilmReport(Schema):
    """What a report says of one film."""

    film: Key
    verdict: str
    sentences: list[str] = Field(
        description="Why the film was refused, what its header says of another patient, between which probabilities a "
        "verdict is uncertain, how many of such verdicts are right, what changed since an earlier film, and every "
        "warning."
    )


class Report(Schema):
    """Everything that a study's report says."""

    clinic: str
    patient: Patient
    study: Study
    verdict: str
    meaning: str
    headline: Headline | None = None
    films: list[FilmReport]
    tests: list[str] = Field(description="Each test with its result, date and reason.")
    limits: str


class Thresholds(Schema):
    """Below `lower` the verdict is negative, from `upper` on positive, between uncertain."""

    lower: Probability
    upper: Probability


class Model(Schema):
    """The model that reads new films."""

    name: str
    version: str
    created: date
    preprocessing: str
    labels: dict[str, list[str]]
    thresholds: Thresholds
    sha256: str = Field(description="SHA-256 of the model's file.")
    intended_use: str
    limits: list[str]


class Share(Schema):
    """A share with its 95 % interval; the value is null of nothing."""

    count: int
    total: int
    value: Probability | None
    lower: Probability
    upper: Probability


class Week(Schema):
    """One week's studies."""

    begins: date
    studies: int
    positive: int


class Statistics(Schema):
    """The clinic in numbers, of the last 26 weeks."""

    studies: int
    standings: dict[str, int] = Field(validation_alias=AliasChoices("standings", "by_status"))
    weeks: list[Week]
    agreement: Share
    sensitivity: Share
    specificity: Share
    uncertain_with_pcr: int


class Deleted(Schema):
    """What was deleted for good."""

    studies: int


class Wait(Asked):
    """How long to wait for the films' readings."""

    wait: Seconds = Field(default=0, description="Seconds to wait for readings before answering with what there is.")


class StudyFilter(Asked):
    """Which studies to list."""

    standing: Status | None = None
    since: Day | None = Field(default=None, description="The first day of the films, in the clinic's time zone.")
    until: Day | None = Field(default=None, description="The last day of the films, in the clinic's time zone.")
    order: Order = "newest"
    cursor: StudyCursor | None = None


class StudyQuery(StudyFilter):
    """Which studies to list, in the address: no word of a patient is allowed there."""

    unread: Flag = False


class StudySearch(StudyFilter):
    """Which studies to list, in the body: words of a patient may be among it."""

    text: Words = ""
    unread: bool = False


class PatientSearch(Asked):
    """Which patients to list."""

    text: Words = ""
    cursor: PatientCursor | None = None


class PatientFields(Asked):
    """Whose films these are; what a DICOM header says may be left out."""

    identifier: str = Field(default="", max_length=64, pattern=LINE, description="Empty: the header's, or a new one.")
    issuer: str = Field(default="", max_length=64, pattern=LINE, description="Who gave the identifier.")
    name: str = Field(default="", max_length=200, pattern=LINE)
    sex: Literal["", "F", "M", "O"] = ""
    birth_date: Day | None = None


class NoFields(Asked):
    """Nothing beside the films."""
