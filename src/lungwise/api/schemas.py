"""What the API takes and gives, as Pydantic models: they check, they document, and the client reads with them."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

LONGEST_WAIT = 30
"""Seconds that a request may wait for a reading."""
_LINE = r"^[^\x00-\x1f\x7f]*$"


class Schema(BaseModel):
    """The base of all: what is not named here is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Asked(Schema):
    """What a request says: a part that it does not say is left out, never null."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, fields: object) -> object:
        if isinstance(fields, dict) and None in fields.values():
            raise ValueError("leave out what is not said: null is not taken")
        return fields


def _matching(pattern: str) -> BeforeValidator:
    """Let a query's text through only as the document describes it, before Pydantic's kinder reading of it."""
    form = re.compile(pattern)

    def check(value: object) -> object:
        if isinstance(value, str) and not form.fullmatch(value):
            raise ValueError(f"must match {pattern}")
        return value

    return BeforeValidator(check)


def _day(value: object) -> object:
    """Read a day as ISO 8601 writes it, and in no other of the forms that Pydantic knows."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    raise ValueError("must be a day, as 2026-03-02")


def _cursor(kind: str) -> WithJsonSchema:
    about = "Where the list goes on: `next` of the page before."
    return WithJsonSchema({"type": "string", "format": kind, "description": about})


Key = Annotated[str, Field(description="A thing's name: random, and the same on the pages.", examples=["0" * 20])]
Probability = Annotated[float, Field(ge=0, le=1)]
Day = Annotated[date, BeforeValidator(_day)]
Flag = Annotated[bool, _matching("true|false"), WithJsonSchema({"type": "boolean"})]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_WAIT), _matching(r"0|[1-9]\d?")]
StudyCursor = Annotated[str, _cursor("study-cursor")]
PatientCursor = Annotated[str, _cursor("patient-cursor")]
Next = Annotated[str | None, Field(description="Cursor of the page that follows; null after the last.")]
Words = Annotated[
    str, Field(max_length=100, pattern=_LINE, description="Beginnings of words of names and identifiers.")
]
Verdict = Literal["negative", "uncertain", "positive"]
Decided = Literal["negative", "positive"]
Status = Literal["waiting", "refused", "negative", "uncertain", "positive"]
Identity = Annotated[
    Literal["clear", "unclear"],
    Field(description="unclear: the films came under an identifier that belongs to somebody else; nothing was merged."),
]
Order = Literal["newest", "probable"]


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
    findings: dict[str, float] = Field(description="Probability of each finding, each on its own.")
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
    header: Header | None = Field(description="What its DICOM header says of the patient; null of other films.")
    reading: Reading | None = Field(description="The newest reading; null while the film waits for it.")


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


class OpinionIn(Asked):
    """What a doctor concludes: at least one of the four."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    agrees: bool | None = Field(default=None, description="Whether the doctor agrees with the verdict.")
    conclusion: Verdict | None = Field(default=None, description="The doctor's own verdict.")
    pcr: Decided | None = Field(default=None, description="What a PCR test found.")
    note: str = Field(default="", min_length=1, max_length=4000, pattern=r"^[^\x00]+$")


class Opinion(Schema):
    """What a doctor concluded; kept with time and author, never changed."""

    id: int
    author: str
    role: str
    created_at: datetime
    agrees: bool | None
    conclusion: Verdict | None
    pcr: Decided | None
    note: str


class Opinions(Schema):
    """A study's opinions, the oldest first."""

    items: list[Opinion]


class StudySummary(Schema):
    """One line of the worklist."""

    key: Key
    patient: Key
    identity: Identity
    created_at: datetime
    standing: Status = Field(description="The verdict, or why there is none.")
    probability: Probability = Field(description="The highest of its films.")
    conclusion: Verdict | None = Field(description="The last doctor's.")
    pcr: Decided | None
    unread: bool = Field(description="Whether nobody has opened its page since it was read.")


class Study(StudySummary):
    """One visit's films of one patient, their readings and the doctors' opinions."""

    films: list[Film]
    opinions: list[Opinion]


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
        "verdict is uncertain, how many of such verdicts are right, and every warning."
    )


class Report(Schema):
    """Everything that a study's report says."""

    clinic: str
    patient: Patient
    study: Study
    verdict: str
    meaning: str
    films: list[FilmReport]
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


class Wait(Asked):
    """How long to wait for the films' readings."""

    wait: Seconds = Field(default=0, description="Seconds to wait for readings before answering with what there is.")


class StudyFilter(Asked):
    """Which studies to list."""

    standing: Status | None = None
    since: Day | None = None
    until: Day | None = None
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

    identifier: str = Field(default="", max_length=64, pattern=_LINE, description="Empty: the header's, or a new one.")
    issuer: str = Field(default="", max_length=64, pattern=_LINE, description="Who gave the identifier.")
    name: str = Field(default="", max_length=200, pattern=_LINE)
    sex: Literal["", "F", "M", "O"] = ""
    birth_date: Day | None = None


class NoFields(Asked):
    """Nothing beside the films."""
