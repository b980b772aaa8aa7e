"""What the guides tell an administrator to write is what Lungwise understands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from prometheus_client.registry import REGISTRY

from lungwise import metrics
from lungwise.settings import Settings

SEVERAL = (Path(__file__).parents[2] / "docs" / "guide" / "several-machines.md").read_text(encoding="utf-8")


def blocks(kind: str, page: str = SEVERAL) -> list[str]:
    found = re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)
    assert found
    return found


def test_the_settings_file_names_settings() -> None:
    names = re.findall(r"^(\w+) = ", blocks("toml")[0], re.MULTILINE)
    assert len(names) > 10
    assert set(names) <= set(Settings.model_fields)


def test_the_alarm_for_refused_films_goes_off_beyond_one_in_five_as_it_says() -> None:
    (text,) = (block for block in blocks("yaml") if "alert:" in block)
    rules = {rule["alert"]: rule for rule in yaml.safe_load(text)["groups"][0]["rules"]}
    share, above, bound = rules["LungwiseRefusals"]["expr"].partition(" > ")
    refused, read = (f"sum(increase(lungwise_{one}_total[6h]))" for one in ("refusals", "readings"))
    assert share == f"{refused} / ({refused} + ({read} or vector(0)))"
    assert (above, float(bound)) == (" > ", 1 / 5)
    assert "More than one film in five" in rules["LungwiseRefusals"]["annotations"]["summary"]


def test_the_rules_for_alarms_ask_of_metrics_that_exist() -> None:
    (text,) = (block for block in blocks("yaml") if "alert:" in block)
    rules = yaml.safe_load(text)["groups"][0]["rules"]
    documented = set(re.findall(r"^\| `(lungwise_\w+)`", SEVERAL, re.MULTILINE))
    asked = {name for rule in rules for name in re.findall(r"lungwise_\w+", rule["expr"])}
    assert asked <= documented
    assert {
        "lungwise_queue_oldest_seconds",
        "lungwise_unsent_given_up",
        "lungwise_associations_rejected_total",
    } <= asked
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_every_metric_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^\| `(lungwise_\w+)`", SEVERAL, re.MULTILINE))
    counted = {metric.name: metric.type for metric in REGISTRY.collect() if metric.name.startswith("lungwise_")}
    counted |= {
        metric.name: metric.type
        for metric in metrics.QueueCollector(
            metrics.WaitingFilms(films=0, oldest_seconds=0), {}, metrics.UnsentResults()
        ).collect()
    }
    assert documented == {f"{name}_total" if kind == "counter" else name for name, kind in counted.items()}
