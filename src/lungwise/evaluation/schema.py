"""The evaluation's JSON document, type by type: `Evaluation` is the whole.

Every share and every AUC is an `Estimate`: a value with its 95 % interval and the number of films
it stands on. What a source cannot give is left out or null, never zero.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Estimate(TypedDict):
    """A number with its 95 % interval, and how many films it stands on."""

    value: float
    lower: float
    upper: float
    of: int


class Task(TypedDict):
    """How well a score parts two kinds of films of one source."""

    task: str
    score: str
    positives: int
    negatives: int
    patients: int
    auc: Estimate


class Control(TypedDict):
    """A task again, on films from which what should decide it has been taken."""

    control: str
    task: str
    score: str
    hidden: float
    """Mean share of a film that is hidden."""
    auc: Estimate
    """Of the films as they are."""
    control_auc: Estimate


class Row(TypedDict):
    """One row of the confusion matrix: what the verdicts were on the films of one label."""

    label: str
    negative: int
    uncertain: int
    positive: int
    refused: int
    called_positive: Estimate | None
    called_uncertain: Estimate | None
    called_normal: Estimate | None
    """Share of the films that were read whose `normal.called` is true."""
    called_tuberculosis: Estimate | None
    """Share of the films that were read for which the reading raises tuberculosis, at the shipped threshold."""


class Refusals(TypedDict):
    """How many films were not read, and the codes why."""

    share: Estimate
    codes: dict[str, int]


class Bin(TypedDict):
    """One bin of the reliability diagram."""

    films: int
    probability: float
    observed: float


class Calibration(TypedDict):
    """Whether a probability means what it says."""

    films: int
    ece: float
    """Expected calibration error, in 10 bins of equal mass."""
    ece_interval: list[float]
    """95 %, patients resampled."""
    ece_if_perfect: float
    """On as many films, 95 % of perfectly calibrated models stay below this."""
    bins: list[Bin]


class Localisation(TypedDict):
    """Whether the heat map lies where radiologists drew boxes."""

    films: int
    pointing_game: Estimate
    energy_inside: Estimate
    box_area: float
    """Mean share of a film inside its boxes: what pointing at random would reach."""


class Source(TypedDict):
    """What one source gives."""

    source: str
    group: str
    films: int
    patients: int | None
    """None where the source gives no patient ids: each film then counts as a patient."""
    refusals: Refusals
    verdicts: dict[str, Estimate]
    """sensitivity, missed (positive films), specificity, false alarms (negative films), uncertain (both);
    uncertain counts against sensitivity and specificity. `decided ...` leave the uncertain films out."""
    verdicts_by_patient: dict[str, Estimate]
    """sensitivity, missed, specificity, false alarms, where each patient counts once, with the share of their films;
    the intervals are from resampling patients."""
    at_operating_point: dict[str, Estimate]
    """sensitivity, specificity at the one threshold of `OperatingPoint`."""
    confusion: list[Row]
    tasks: list[Task]
    controls: list[Control]
    calibration: Calibration | None
    localisation: Localisation | None


class Subgroup(TypedDict):
    """Verdicts on part of the films."""

    source: str
    subgroup: str
    films: int
    verdicts: dict[str, Estimate]
    auc: Estimate | None


class Photographs(TypedDict):
    """The controlled question again, on synthetic photographs of its films."""

    task: str
    found: Estimate
    """Share of the photographs in which a film was found and cut out."""
    corner_error: float
    """Median over the films found of the farthest corner's distance, as a share of the photograph's longer side."""
    refused: Estimate
    auc: Estimate
    """Of the films as they are, those refused as photographs left out."""
    photographed_auc: Estimate
    lost: Estimate
    """The first less the second, film by film the same patients resampled."""


class SourceProbe(TypedDict):
    """How well a linear probe tells the source of films without disease from what the model gives."""

    sources: list[str]
    films: int
    accuracy: Estimate
    """Each source counting the same."""
    by_chance: float


class Precision(TypedDict):
    """Int8 beside float32 on the same films."""

    films: int
    flipped: Estimate
    """Share of films whose verdict differs, a refusal counting as a verdict."""
    largest_change: float
    task: str | None
    auc: Estimate | None
    float_auc: Estimate | None
    lost: Estimate | None
    sensitivity: Estimate | None
    float_sensitivity: Estimate | None


class LeftOut(TypedDict):
    """A head on frozen features, without and with the films of the source it is tested on."""

    source: str
    task: str
    films: int
    auc: Estimate
    """Fitted on the other sources alone."""
    within_auc: Estimate
    """Fitted within the source, cross-validated by patient."""


class NotMeasured(TypedDict):
    """Films of one source that are in no figure."""

    split: str
    source: str
    why: str
    films: int
    patients: int


class Split(TypedDict):
    """What one split of the collection gives."""

    split: str
    sources: list[Source]
    subgroups: list[Subgroup]
    photographs: NotRequired[Photographs | None]
    source_probe: NotRequired[SourceProbe | None]
    precision: NotRequired[Precision | None]


class OperatingPoint(TypedDict):
    """The threshold that reaches a wanted specificity on other films than those evaluated."""

    threshold: float
    specificity: float
    chosen_on: str
    films: int


class CriterionRow(TypedDict):
    """What a model must reach before it is shipped, and what it reaches."""

    measure: str
    estimate: Estimate
    at_least: float | None
    at_most: float | None
    border: Estimate | None
    """AUC of the same question, asked of the films' borders alone; None where none is asked of one source."""
    is_claimed: bool
    """Whether the border's interval does not lie above 0.60 as a whole."""
    reached: bool
    """Whether it is claimed, and the value itself, not the end of its interval, is on the right side."""


class Evaluation(TypedDict):
    """The whole document."""

    date: str
    command: str
    lungwise: str
    card: dict[str, Any]
    """The artefact's card as it is: name, version, thresholds, training, ..."""
    films_sha256: str
    """Of the table of labelled films."""
    methods: dict[str, str]
    operating_point: OperatingPoint | None
    splits: list[Split]
    not_measured: NotRequired[list[NotMeasured]]
    """What the collection holds twice: patients whose picture is in `train`, and films whose twin has another label."""
    others: NotRequired[Refusals | None]
    """Pictures that are not chest films, from software packages."""
    criteria: NotRequired[list[CriterionRow]]
    """Where both `test` and `external` are evaluated."""
    left_out: NotRequired[list[LeftOut]]
    """The sources with both classes, each left out in turn."""
