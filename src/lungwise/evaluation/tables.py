"""The evaluation as tables of text, for the terminal and the model card alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lungwise.evaluation.protocol import ABNORMAL, CONTROLLED, CONTROLS, PCR_POSITIVE, PROBABILITY
from lungwise.evaluation.schema import Calibration, Control, CriterionRow, Estimate, Evaluation, Source, Split
from lungwise.evaluation.verdict_rates import rates_of, stated_rates
from lungwise.reading.prevalence import VerdictRates, predictive_values

_SCORES = {PROBABILITY: "probability", ABNORMAL: "abnormal"}
_NONE = "-"
_PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
_HUNDRED = 100

Row = tuple[str, ...]
Rows = Callable[[Split], Iterator[Row]]


class Table(NamedTuple):
    """A title, a heading per column, rows of as many cells, and what a reader must know."""

    title: str
    columns: Row
    rows: list[Row]
    note: str


class _Kind(NamedTuple):
    title: str
    columns: Row
    note: str
    rows: Rows


_KINDS: list[_Kind] = []
"""The tables of a split, in their order."""


def _table(title: str, columns: Row, note: str) -> Callable[[Rows], Rows]:
    """Print the rows that the decorated function yields as a table of each split."""

    def add(rows: Rows) -> Rows:
        _KINDS.append(_Kind(title, columns, note, rows))
        return rows

    return add


def tables(split: Split) -> Iterator[Table]:
    """Yield the tables of one split; a table without rows is left out."""
    for kind in _KINDS:
        if rows := list(kind.rows(split)):
            yield Table(kind.title, kind.columns, rows, kind.note)


def controls_of(source: Source, task: str, score: str) -> list[Control]:
    """The negative controls of one question, by its name and score."""
    return [c for c in source["controls"] if (c["task"], c["score"]) == (task, score)]


def percent(estimate: Estimate | None) -> str:
    """As `91 (88-93)`; a dash for nothing."""
    if estimate is None:
        return _NONE
    value, lower, upper = (estimate[key] * 100 for key in ("value", "lower", "upper"))
    return f"{value:.0f} ({lower:.0f}-{upper:.0f})"


def area(estimate: Estimate | None) -> str:
    """As `0.931 (0.912-0.948)`; a dash for nothing."""
    if estimate is None:
        return _NONE
    return f"{estimate['value']:.3f} ({estimate['lower']:.3f}-{estimate['upper']:.3f})"


def _percents(estimates: dict[str, Estimate], names: Row) -> Iterator[str]:
    return (percent(estimates.get(name)) for name in names)


def _listed(codes: dict[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in codes.items())


@_table(
    "How well it tells them apart",
    ("source", "question", "score", "films", "AUC", *CONTROLS),
    "Area under the ROC curve (95 % interval, patients resampled), always within one source. Negative controls: "
    "the same question of the same films with the lungs' place black, and with all but a frame of a tenth of the "
    "side black. What they have above 0.5 is read from outside the lungs.",
)
def _areas(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        for task in source["tasks"]:
            score = _SCORES.get(task["score"], f"finding: {task['score']}")
            films = f"{task['positives']}/{task['negatives']}"
            controls = {
                one["control"]: area(one["control_auc"]) for one in controls_of(source, task["task"], task["score"])
            }
            beside = (controls.get(name, _NONE) for name in CONTROLS)
            yield (source["source"], task["task"], score, films, area(task["auc"]), *beside)


_VERDICT_SHARES = ("sensitivity", "missed", "specificity", "false alarms", "uncertain")


@_table(
    "Verdicts at the shipped thresholds",
    ("source", *_VERDICT_SHARES),
    "Per cent (95 % Wilson interval). Sensitivity: positive films called positive; missed: called negative. "
    "Specificity: negative films called negative; false alarms: called positive. The rest is uncertain.",
)
def _shares(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        if source["verdicts"]:
            yield (source["source"], *_percents(source["verdicts"], _VERDICT_SHARES))


_SURE_SHARES = ("sensitivity", "missed", "specificity", "false alarms")


@_table(
    "Verdicts at the shipped thresholds, by patient",
    ("source", "patients", *_SURE_SHARES),
    "Per cent (95 % interval from resampling patients). Each patient counts once, with the share of their films.",
)
def _shares_by_patient(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        if (shares := source["verdicts_by_patient"]) and source["patients"]:
            yield (source["source"], str(source["patients"]), *_percents(shares, _SURE_SHARES))


@_table(
    "At 90 % specificity on the validation films",
    ("source", "sensitivity", "specificity"),
    "Per cent (95 % Wilson interval). One threshold, chosen on validation films, nothing uncertain.",
)
def _at_one_threshold(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        if shares := source["at_operating_point"]:
            yield (source["source"], *_percents(shares, ("sensitivity", "specificity")))


@_table(
    "Verdict against label",
    ("source", "label", "neg.", "unc.", "pos.", "ref.", "% positive", "% uncertain", "% normal", "% tuberculosis"),
    "Films by verdict: negative, uncertain, positive, refused; shares of the films that were read. "
    "Normal and tuberculosis: called so at the shipped thresholds of these findings, whatever the verdict.",
)
def _confusion(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        for row in source["confusion"]:
            counts = (str(row[verdict]) for verdict in ("negative", "uncertain", "positive", "refused"))
            shares = (row["called_positive"], row["called_uncertain"], row["called_normal"], row["called_tuberculosis"])
            yield (source["source"], row["label"], *counts, *map(percent, shares))


_SUBGROUP_SHARES = ("sensitivity", "false alarms", "uncertain")


@_table(
    "Subgroups",
    ("source", "subgroup", "films", *_SUBGROUP_SHARES),
    "Per cent (95 % Wilson interval), where the source says which film is which.",
)
def _subgroups(split: Split) -> Iterator[Row]:
    for group in split["subgroups"]:
        shares = _percents(group["verdicts"], _SUBGROUP_SHARES)
        yield (group["source"], group["subgroup"], str(group["films"]), *shares)


@_table(
    "Subgroups, AUC",
    ("source", "subgroup", "films", "AUC"),
    "COVID-19 or its typical appearance against the rest, by the probability (95 % interval).",
)
def _subgroup_areas(split: Split) -> Iterator[Row]:
    for group in split["subgroups"]:
        if group["auc"]:
            yield group["source"], group["subgroup"], str(group["films"]), area(group["auc"])


@_table(
    "Photographs of films",
    ("question", "% found", "corner error", "% refused", "AUC", "AUC of photographs", "lost"),
    "Every film again, as a synthetic camera sees it on a light box or a screen (films/photograph/simulation.py; "
    "the training has another). The corner error is the median, as a share of the longer side.",
)
def _photographs(split: Split) -> Iterator[Row]:
    if found := split.get("photographs"):
        shares = percent(found["found"]), f"{found['corner_error']:.1%}", percent(found["refused"])
        yield (found["task"], *shares, *(area(found[key]) for key in ("auc", "photographed_auc", "lost")))


@_table(
    "Source told from the answer",
    ("sources", "films", "% right", "by chance"),
    "Negative control: a linear probe on appearance, findings and heat map, over adults' films without disease, "
    "cross-validated by patient; each source counts the same. What is above chance is there to be misused.",
)
def _source_probe(split: Split) -> Iterator[Row]:
    if probe := split.get("source_probe"):
        chance = f"{probe['by_chance']:.0%}"
        yield ", ".join(probe["sources"]), str(probe["films"]), percent(probe["accuracy"]), chance


@_table(
    "Predictive values",
    ("source", "prevalence", "positive", "negative"),
    "Per cent right of the positive and of the negative verdicts, by Bayes' rule. A source alone is asked by the look "
    "of its films, from the shares above, where it has both kinds in hundreds. By patient, those with a positive PCR "
    f"test ({PCR_POSITIVE}) are ill and those whose films radiologists call negative ({CONTROLLED.source}) are well: "
    "pages and `lungwise read` say these. They are lower, because the films of many patients with a positive test show "
    "little, whereas a source's own positives are chosen by what their films show.",
)
def _predictive(split: Split) -> Iterator[Row]:
    for source in filter(_has_hundreds_of_both, split["sources"]):
        yield from _at_prevalences(source["source"], rates_of(source["verdicts"]))
    if (stated := stated_rates([split])) is not None:
        yield from _at_prevalences(f"{PCR_POSITIVE} and {CONTROLLED.source}, by patient", stated)


def _at_prevalences(source: str, rates: VerdictRates) -> Iterator[Row]:
    for prevalence in _PREVALENCES:
        values = predictive_values(rates, prevalence)
        right = (_NONE if value is None else f"{value:.0%}" for value in values)
        yield (source, f"{prevalence:.0%}", *right)


def _has_hundreds_of_both(source: Source) -> bool:
    shares = [source["verdicts"].get(name) for name in ("sensitivity", "specificity")]
    return source["group"] == "same-source" and all(share and share["of"] >= _HUNDRED for share in shares)


@_table(
    "Int8 beside float32",
    ("films", "AUC int8", "AUC float32", "lost", "% sens. int8", "% sens. float32", "% flipped", "change"),
    "AUC of the controlled question; sensitivity and flipped verdicts over all films; the largest change.",
)
def _precision(split: Split) -> Iterator[Row]:
    if found := split.get("precision"):
        areas = (area(found[key]) for key in ("auc", "float_auc", "lost"))
        shares = (percent(found[key]) for key in ("sensitivity", "float_sensitivity", "flipped"))
        yield (str(found["films"]), *areas, *shares, f"{found['largest_change']:.3f}")


@_table(
    "Refused",
    ("source", "films", "% refused", "codes"),
    "Per cent (95 % Wilson interval) and the codes why. Of the `ood-` sources, all should be refused.",
)
def _refusals(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        refused = source["refusals"]
        yield source["source"], str(source["films"]), percent(refused["share"]), _listed(refused["codes"]) or _NONE


@_table(
    "Calibration",
    ("source", "kind", "films", "ECE", "by chance"),
    "Expected calibration error, 10 bins of equal mass; 95 % of perfectly calibrated models stay below "
    "`by chance` on as many films. In a source of one class it is the probability's mean distance from the label.",
)
def _calibration(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        if found := source["calibration"]:
            chance = f"{found['ece_if_perfect']:.3f}"
            yield source["source"], source["group"], str(found["films"]), _error(found), chance


def _error(calibration: Calibration) -> str:
    interval = calibration.get("ece_interval")
    return f"{calibration['ece']:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


@_table(
    "Where it looked",
    ("source", "films", "% hot spot in a box", "% heat in boxes", "box area"),
    "Films with radiologists' boxes alone (95 % interval). The boxes' area is what chance would reach.",
)
def _localisation(split: Split) -> Iterator[Row]:
    for source in split["sources"]:
        if found := source["localisation"]:
            shares = percent(found["pointing_game"]), percent(found["energy_inside"])
            yield (source["source"], str(found["films"]), *shares, f"{found['box_area']:.0%}")


def beyond(evaluation: Evaluation) -> Iterator[Table]:
    """Yield the tables of what belongs to no split."""
    if left_out := evaluation.get("not_measured"):
        films = [(r["split"], r["source"], r["why"], str(r["films"]), str(r["patients"])) for r in left_out]
        note = (
            "Films that the collection holds twice, by the pictures themselves (films/twins.py). They are in no figure."
        )
        yield Table("Left out", ("split", "source", "why", "films", "patients"), [*films], note)
    if criteria := evaluation.get("criteria"):
        note = (
            "Each measure of int8 with its 95 % interval, the bar, and whether the value reaches it. Thresholds are "
            "chosen on val: `not normal` where 90 % of SIIM's negatives stay below, tuberculosis where 95 % of the "
            "adults without it do. `Border alone` is the same question, asked of a frame of a tenth of the side: where "
            "its interval lies above 0.60, the source tells as much as the lungs, and nothing is claimed."
        )
        reached = [(c["measure"], area(c["estimate"]), _bar(c), area(c["border"]), _reached(c)) for c in criteria]
        yield Table("What it must reach", ("measure", "value", "bar", "border alone", "reached"), [*reached], note)
    if others := evaluation.get("others"):
        row = (str(others["share"]["of"]), percent(others["share"]), _listed(others["codes"]))
        note = "Wallpapers, icons, drawings and photographs from software packages; no rule was tuned on these."
        yield Table("Other pictures refused", ("pictures", "% refused", "codes"), [row], note)
    if found := evaluation.get("left_out"):
        rows = [(one["source"], str(one["films"]), area(one["auc"]), area(one["within_auc"])) for one in found]
        note = (
            "A logistic head on the trunk's frozen features, refitted; not the shipped head. The trunk has seen the "
            "training sources, so this says what a head learns of a source; the external ones alone are new to both."
        )
        yield Table("Leave one source out", ("source", "films", "AUC, left out", "AUC, within"), [*rows], note)


def _reached(criterion: CriterionRow) -> str:
    if not criterion["is_claimed"]:
        return "not claimed"
    return "yes" if criterion["reached"] else "no"


def _bar(criterion: CriterionRow) -> str:
    if criterion["at_least"] is not None:
        return f"at least {_figure(criterion['at_least'])}"
    return f"at most {_figure(criterion['at_most'] or 0.0)}"


def _figure(bar: float) -> str:
    """Write a bar with two places, or as many as it has: 0.90, 0.005."""
    return max(f"{bar:.2f}", f"{bar:g}", key=len)
