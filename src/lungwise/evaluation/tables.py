"""The evaluation as tables of text, for the terminal and the model card alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lungwise.evaluation.protocol import ABNORMAL, CONTROLS, PROBABILITY
from lungwise.evaluation.schema import (
    Calibration,
    Control,
    Estimate,
    Evaluation,
    LeftOut,
    Photographs,
    Source,
    Split,
    Task,
)
from lungwise.reading.prevalence import VerdictRates, predictive_values

_SCORES = {PROBABILITY: "probability", ABNORMAL: "abnormal"}
_NONE = "-"
_PREVALENCES = (0.01, 0.05, 0.1, 0.2, 0.5)
_HUNDRED = 100


class Table(NamedTuple):
    """A title, a heading per column, rows of as many cells, and what a reader must know."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str


def tables(split: Split) -> Iterator[Table]:
    """Yield the tables of one split; a table without rows is left out."""
    for make in _MAKERS:
        table = make(split)
        if table.rows:
            yield table


def areas(split: Split) -> Table:
    """AUC, question by question, with its negative controls beside it."""
    rows: list[tuple[str, ...]] = [
        (
            s["source"],
            t["task"],
            _score(t["score"]),
            f"{t['positives']}/{t['negatives']}",
            area(t["auc"]),
            *_control_areas(s, t),
        )
        for s in split["sources"]
        for t in s["tasks"]
    ]
    note = (
        "Area under the ROC curve (95 % interval, patients resampled), always within one source. Negative controls: "
        "the same question of the same films with the lungs' place black, and with all but a frame of a tenth of the "
        "side black. What they have above 0.5 is read from outside the lungs."
    )
    return Table("How well it tells them apart", ("source", "question", "score", "films", "AUC", *CONTROLS), rows, note)


def controls_of(source: Source, task: Task) -> list[Control]:
    """The negative controls of one question."""
    return [c for c in source["controls"] if (c["task"], c["score"]) == (task["task"], task["score"])]


def _control_areas(source: Source, task: Task) -> list[str]:
    found = {control["control"]: area(control["control_auc"]) for control in controls_of(source, task)}
    return [found.get(name, _NONE) for name in CONTROLS]


def shares(split: Split) -> Table:
    """Shares at the shipped thresholds, source by source."""
    names = ("sensitivity", "missed", "specificity", "false alarms", "uncertain")
    rows: list[tuple[str, ...]] = [
        (s["source"], *(percent(s["verdicts"].get(name)) for name in names)) for s in split["sources"] if s["verdicts"]
    ]
    note = (
        "Per cent (95 % Wilson interval). Sensitivity: positive films called positive; missed: called negative. "
        "Specificity: negative films called negative; false alarms: called positive. The rest is uncertain."
    )
    return Table("Verdicts at the shipped thresholds", ("source", *names), rows, note)


def at_one_threshold(split: Split) -> Table:
    """Shares at the operating point, source by source."""
    rows: list[tuple[str, ...]] = [
        (s["source"], *(percent(s["at_operating_point"].get(name)) for name in ("sensitivity", "specificity")))
        for s in split["sources"]
        if s["at_operating_point"]
    ]
    note = "Per cent (95 % Wilson interval). One threshold, chosen on validation films, nothing uncertain."
    return Table("At 90 % specificity on the validation films", ("source", "sensitivity", "specificity"), rows, note)


def confusion(split: Split) -> Table:
    """Verdict against label."""
    rows: list[tuple[str, ...]] = [
        (
            s["source"],
            r["label"],
            *(str(r[verdict]) for verdict in ("negative", "uncertain", "positive", "refused")),
            percent(r["called_positive"]),
            percent(r["called_uncertain"]),
        )
        for s in split["sources"]
        for r in s["confusion"]
    ]
    columns = ("source", "label", "neg.", "unc.", "pos.", "ref.", "% positive", "% uncertain")
    note = "Films by verdict: negative, uncertain, positive, refused; shares of the films that were read."
    return Table("Verdict against label", columns, rows, note)


def refusals(split: Split) -> Table:
    """Films not read."""
    rows: list[tuple[str, ...]] = [
        (
            s["source"],
            str(s["films"]),
            percent(s["refusals"]["share"]),
            ", ".join(f"{code} {count}" for code, count in s["refusals"]["codes"].items()) or _NONE,
        )
        for s in split["sources"]
    ]
    note = "Per cent (95 % Wilson interval) and the codes why. Of the `ood-` sources, all should be refused."
    return Table("Refused", ("source", "films", "% refused", "codes"), rows, note)


def calibration(split: Split) -> Table:
    """Calibration error, source by source."""
    rows: list[tuple[str, ...]] = [
        (s["source"], s["group"], str(c["films"]), _error(c), f"{c['ece_if_perfect']:.3f}")
        for s in split["sources"]
        if (c := s["calibration"])
    ]
    note = (
        "Expected calibration error, 10 bins of equal mass; 95 % of perfectly calibrated models stay below "
        "`by chance` on as many films. In a source of one class it is the probability's mean distance from the label."
    )
    return Table("Calibration", ("source", "kind", "films", "ECE", "by chance"), rows, note)


def _error(calibration: Calibration) -> str:
    interval = calibration.get("ece_interval")
    return f"{calibration['ece']:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


def localisation(split: Split) -> Table:
    """The heat map against the radiologists' boxes."""
    rows: list[tuple[str, ...]] = [
        (s["source"], str(m["films"]), percent(m["pointing_game"]), percent(m["energy_inside"]), f"{m['box_area']:.0%}")
        for s in split["sources"]
        if (m := s["localisation"])
    ]
    columns = ("source", "films", "% hot spot in a box", "% heat in boxes", "box area")
    note = "Films with radiologists' boxes alone (95 % interval). The boxes' area is what chance would reach."
    return Table("Where it looked", columns, rows, note)


def photographs(split: Split) -> Table:
    """What a telephone's photograph costs."""
    found = split.get("photographs")
    rows = [] if not found else [_photographs(found)]
    columns = ("question", "% found", "corner error", "% refused", "AUC", "AUC of photographs", "lost")
    note = (
        "Every film again, as a synthetic camera sees it on a light box or a screen (films/photograph/simulation.py; "
        "the training has another). The corner error is the median, as a share of the longer side."
    )
    return Table("Photographs of films", columns, rows, note)


def _photographs(found: Photographs) -> tuple[str, ...]:
    return (
        found["task"],
        percent(found["found"]),
        f"{found['corner_error']:.1%}",
        percent(found["refused"]),
        area(found["auc"]),
        area(found["photographed_auc"]),
        area(found["lost"]),
    )


def source_probe(split: Split) -> Table:
    """How well the source is told."""
    probe = split.get("source_probe")
    rows: list[tuple[str, ...]] = []
    if probe:
        told = (", ".join(probe["sources"]), str(probe["films"]), percent(probe["accuracy"]))
        rows.append((*told, f"{probe['by_chance']:.0%}"))
    note = (
        "Negative control: a linear probe on appearance, findings and heat map, over adults' films without disease, "
        "cross-validated by patient; each source counts the same. What is above chance is there to be misused."
    )
    return Table("Source told from the answer", ("sources", "films", "% right", "by chance"), rows, note)


def precision(split: Split) -> Table:
    """Int8 beside float32."""
    found = split.get("precision")
    rows: list[tuple[str, ...]] = []
    if found:
        areas = (area(found["auc"]), area(found["float_auc"]), area(found["lost"]))
        shares = (percent(found["sensitivity"]), percent(found["float_sensitivity"]), percent(found["flipped"]))
        rows.append((str(found["films"]), *areas, *shares, f"{found['largest_change']:.3f}"))
    columns = ("films", "AUC int8", "AUC float32", "lost", "% sens. int8", "% sens. float32", "% flipped", "change")
    note = "AUC of the controlled question; sensitivity and flipped verdicts over all films; the largest change."
    return Table("Int8 beside float32", columns, rows, note)


def predictive(split: Split) -> Table:
    """What a verdict is worth, by how common the disease is."""
    rows = [
        _predictive(s["source"], s["verdicts"], share) for s in split["sources"] for share in _PREVALENCES if _sided(s)
    ]
    note = (
        "Per cent right of the positive and of the negative verdicts, from the shares above by Bayes' rule. "
        "Only sources with both kinds of films in hundreds."
    )
    return Table("Predictive values", ("source", "prevalence", "positive", "negative"), rows, note)


def _sided(source: Source) -> bool:
    shares = [source["verdicts"].get(name) for name in ("sensitivity", "specificity")]
    return source["group"] == "same-source" and all(share and share["of"] >= _HUNDRED for share in shares)


def _predictive(source: str, verdicts: dict[str, Estimate], prevalence: float) -> tuple[str, ...]:
    shares = (verdicts[name]["value"] for name in ("sensitivity", "missed", "specificity", "false alarms"))
    values = predictive_values(VerdictRates(*shares), prevalence)
    return (source, f"{prevalence:.0%}", *(_NONE if value is None else f"{value:.0%}" for value in values))


def beyond(evaluation: Evaluation) -> Iterator[Table]:
    """Yield the tables of what belongs to no split."""
    if others := evaluation.get("others"):
        codes = ", ".join(f"{code} {count}" for code, count in others["codes"].items())
        row = (str(others["share"]["of"]), percent(others["share"]), codes)
        note = "Wallpapers, icons, drawings and photographs from software packages; no rule was tuned on these."
        yield Table("Other pictures refused", ("pictures", "% refused", "codes"), [row], note)
    if found := evaluation.get("left_out"):
        yield _left_out(found)


def _left_out(found: list[LeftOut]) -> Table:
    rows: list[tuple[str, ...]] = [
        (one["source"], str(one["films"]), area(one["auc"]), area(one["within_auc"])) for one in found
    ]
    note = (
        "A logistic head on the trunk's frozen features, refitted; not the shipped head. The trunk has seen the "
        "training sources, so this says what a head learns of a source; the external ones alone are new to both."
    )
    return Table("Leave one source out", ("source", "films", "AUC, left out", "AUC, within"), rows, note)


def subgroups(split: Split) -> Table:
    """Verdicts on part of the films."""
    names = ("sensitivity", "false alarms", "uncertain")
    rows: list[tuple[str, ...]] = [
        (g["source"], g["subgroup"], str(g["films"]), *(percent(g["verdicts"].get(name)) for name in names))
        for g in split["subgroups"]
    ]
    note = "Per cent (95 % Wilson interval), where the source says which film is which."
    return Table("Subgroups", ("source", "subgroup", "films", *names), rows, note)


def subgroup_areas(split: Split) -> Table:
    """AUC on part of the films of one source."""
    rows: list[tuple[str, ...]] = [
        (g["source"], g["subgroup"], str(g["films"]), area(g["auc"])) for g in split["subgroups"] if g["auc"]
    ]
    note = "COVID-19 or its typical appearance against the rest, by the probability (95 % interval)."
    return Table("Subgroups, AUC", ("source", "subgroup", "films", "AUC"), rows, note)


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


def _score(score: str) -> str:
    return _SCORES.get(score, f"finding: {score}")


_MAKERS = (
    areas,
    shares,
    at_one_threshold,
    confusion,
    subgroups,
    subgroup_areas,
    photographs,
    source_probe,
    predictive,
    precision,
    refusals,
    calibration,
    localisation,
)
