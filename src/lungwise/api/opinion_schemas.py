"""What people say of a study: opinions, test results, symptoms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field

from lungwise.api.schema_base import LINE, Asked, Day, Decided, Key, Schema, whole

Diagnosis = Literal["normal", "COVID-19", "tuberculosis", "other pneumonia", "other", "uncertain"]
Concluded = Annotated[
    Literal["normal", "COVID-19", "tuberculosis", "other pneumonia", "other", "uncertain", "no COVID-19"],
    Field(
        description="What agreeing says is `no COVID-19` where a film is not normal but looks like no finding, and "
        "`uncertain` where a finding is only possible or faint, or a film could not be read."
    ),
]
Test = Literal["pcr", "xpert", "sputum", "radiologist"]
Seen = Literal["normal", "COVID-19", "tuberculosis", "other pneumonia", "other"]
Found = Annotated[
    Literal["negative", "positive", "normal", "COVID-19", "tuberculosis", "other pneumonia", "other"],
    Field(description="`negative` or `positive`; of `radiologist`, what was seen on the film."),
]
Reason = Literal["symptoms", "contact", "routine", "film", "sample"]
Symptom = Literal[
    "fever",
    "cough",
    "short of breath",
    "chest pain",
    "coughing blood",
    "weight loss",
    "night sweats",
    "loss of smell or taste",
    "none",
]
_TEXT = r"^[^\x00]+$"
Saturation = Annotated[int, Field(ge=40, le=100), BeforeValidator(whole)]
_NONE_ALONE = ConfigDict(
    json_schema_extra={
        "if": {"properties": {"symptoms": {"contains": {"const": "none"}}}, "required": ["symptoms"]},
        "then": {"properties": {"symptoms": {"maxItems": 1}, "other": {"maxLength": 0}}},
    }
)


class OpinionIn(Asked):
    """What a doctor concludes: at least one of agreement, conclusion and note."""

    model_config = ConfigDict(
        json_schema_extra={
            "minProperties": 1,
            "if": {"required": ["other"]},
            "then": {"required": ["conclusion"], "properties": {"conclusion": {"const": "other"}}},
            "else": {"properties": {"conclusion": {"not": {"const": "other"}}}},
        }
    )

    agrees: bool | None = Field(
        default=None,
        description="Whether the doctor agrees with the headline. Alone, agreeing concludes what that says.",
    )
    conclusion: Diagnosis | None = Field(default=None, description="What the doctor concludes.")
    other: str = Field(
        default="", min_length=1, max_length=200, pattern=LINE, description="The diagnosis where that is `other`."
    )
    note: str = Field(default="", min_length=1, max_length=4000, pattern=_TEXT)
    answer_version: str | None = Field(
        default=None,
        max_length=64,
        description="That of the study that the doctor saw. Where a film was added or read since, nothing is kept, and "
        "the answer is 409.",
    )


class Opinion(Schema):
    """What a doctor concluded; kept with time and author, never changed."""

    id: int
    author: str
    role: str
    created_at: datetime
    agrees: bool | None
    conclusion: Concluded | None
    other: str
    note: str
    outdated: bool = Field(default=False, description="Whether a film of the study was added or read since.")


class ReferenceResultIn(Asked):
    """What a test found, or a radiologist saw. A PCR test needs its reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"if": {"properties": {"test": {"const": "pcr"}}}, "then": {"required": ["reason"]}},
                {
                    "if": {"properties": {"test": {"const": "radiologist"}}},
                    "then": {"properties": {"result": {"enum": list(get_args(Seen))}}},
                    "else": {"properties": {"result": {"enum": list(get_args(Decided))}}},
                },
            ]
        }
    )

    test: Test
    result: Found
    tested_on: Day = Field(description="The day on which the sample was taken.")
    reason: Reason | None = Field(
        default=None,
        description="Why the test was done: what a test shows of a film depends on it. `sample`: drawn by lot.",
    )


class ReferenceResult(Schema):
    """What a test found, and who entered it when."""

    key: Key
    test: Test
    result: Found
    tested_on: date | None = Field(description="Null of results of a release that did not ask for it.")
    reason: Reason | None
    author: str
    created_at: datetime


class ClinicalDetails(Schema):
    """The patient's symptoms and oxygen saturation on a visit; null and empty where nothing is known."""

    model_config = _NONE_ALONE

    symptoms: list[Symptom] = Field(max_length=9)
    other: str
    spo2: Saturation | None


class ClinicalDetailsIn(Asked):
    """The patient's symptoms and oxygen saturation on a visit. `none` stands alone."""

    model_config = _NONE_ALONE

    symptoms: list[Symptom] = Field(default=[], max_length=9)
    other: str = Field(default="", max_length=200, pattern=LINE, description="Other symptoms, and since when.")
    spo2: Saturation | None = Field(default=None, description="Per cent, by pulse oximeter.")
    known: ClinicalDetails | None = Field(
        default=None,
        description="The study's `clinical_details` as the program got them last. Where they are others now, nothing "
        "is kept, and the answer is 409.",
    )


class Opinions(Schema):
    """A study's opinions, the oldest first."""

    items: list[Opinion]
