"""What the service counts and times, for Prometheus. No label ever names a person, a patient or a film.

Processes of one machine that share the folder `PROMETHEUS_MULTIPROC_DIR` are added up; of a gauge the live ones alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

REQUESTS = Counter("lungwise_requests", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Histogram("lungwise_request_seconds", "Time from a request to its answer.", ("route",))
STAGE_SECONDS = Histogram(
    "lungwise_stage_seconds",
    "Time of a film in store, decode or network (with preprocessing and gate), or of a transaction in database.",
    ("stage",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
READINGS = Counter("lungwise_readings", "Films read, by verdict.", ("verdict", "model", "version"))
REFUSALS = Counter("lungwise_refusals", "Films refused, by code.", ("code", "model", "version"))
UNCLEAR = Counter("lungwise_identity_unclear", "Uploads whose patient's identity is unclear.")
HELD = Counter("lungwise_films_held", "Films kept aside, since a film of their UID is known with other content.")
ASSOCIATIONS_REJECTED = Counter(
    "lungwise_associations_rejected", "Associations that the DICOM node rejected, by reason.", ("reason",)
)
ASSOCIATIONS_ABORTED = Counter(
    "lungwise_associations_aborted",
    "Associations with the DICOM node that were aborted, by the peer or the node.",
    ("by",),
)
REPORTS_GIVEN_UP = Counter(
    "lungwise_commitment_reports_given_up", "Reports on storage commitment that their peers did not take in four days."
)
HL7_MESSAGES = Counter("lungwise_hl7_messages", "HL7 messages taken, by the answer: AA, AE or AR.", ("answer",))
HL7_CUT_OFF = Counter("lungwise_hl7_cut_off", "HL7 connections that were closed for what their peers did.")
FAILURES = Counter("lungwise_failures", "Films whose reading ended in a fault.")
MEMORY = Gauge(
    "lungwise_memory_bytes", "Most memory that a process which reads films has held.", multiprocess_mode="livemax"
)
PROCESSOR = Counter(
    "lungwise_reader_processor_seconds",
    "Processor time of the processes that read films, in all they do, from having the model to the last film.",
)
MODEL = Gauge("lungwise_model", "The model that reads: 1.", ("model", "version"), multiprocess_mode="livemax")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFilms:
    """How many new films wait for their reading, and for how long the oldest has."""

    films: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentResults:
    """How many results wait for an archive and for how long the oldest has, and how many were given up."""

    waiting: int = 0
    given_up: int = 0
    oldest_seconds: float = 0


class QueueCollector(Collector):
    """The queues and the alarms as they stand when somebody asks: the same whichever process answers."""

    def __init__(
        self,
        waiting: WaitingFilms,
        alarms: Mapping[tuple[str, str], int],
        unsent: UnsentResults,
        failed_messages: int = 0,
    ) -> None:
        self._alarms = alarms
        self._figures = (
            ("lungwise_queue_films", "Films that wait for their first reading.", float(waiting.films)),
            ("lungwise_queue_oldest_seconds", "How long the oldest of them has waited.", waiting.oldest_seconds),
            ("lungwise_unsent_results", "Studies' results that wait for an archive.", float(unsent.waiting)),
            ("lungwise_unsent_oldest_seconds", "How long the oldest of them have waited.", unsent.oldest_seconds),
            ("lungwise_unsent_given_up", "Studies' results that no archive took in four days.", float(unsent.given_up)),
            ("lungwise_hl7_errors", "HL7 messages that wait for an administrator.", float(failed_messages)),
        )

    def collect(self) -> Iterable[Metric]:
        """Yield the figures."""
        for name, meaning, value in self._figures:
            yield GaugeMetricFamily(name, meaning, value=value)
        meaning = "Alarms of the watch over the model that nobody has acknowledged."
        alarms = GaugeMetricFamily("lungwise_alarms_open", meaning, labels=("finding", "sort"))
        for labels, count in self._alarms.items():
            alarms.add_metric(labels, count)
        yield alarms


def page(
    waiting: WaitingFilms,
    alarms: Mapping[tuple[str, str], int],
    unsent: UnsentResults,
    failed_messages: int = 0,
) -> bytes:
    """Write everything in Prometheus' text format; `alarms` are those that are open, by finding and sort."""
    now = CollectorRegistry()
    now.register(QueueCollector(waiting, alarms, unsent, failed_messages))
    return generate_latest(_counted()) + generate_latest(now)


def serve(host: str, port: int) -> None:
    """Serve the metrics of these processes at an address of their own, while this process lives."""
    start_http_server(port, host, registry=_counted())


def _counted() -> CollectorRegistry:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return REGISTRY
    shared = CollectorRegistry()
    shared.register(_LiveProcesses(Path(folder)))
    return shared


class _LiveProcesses(Collector):
    """What processes that share a folder have counted, and the gauges of those that live.

    A process that was killed leaves its gauges behind: they are removed when somebody asks, whoever that process was.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all = multiprocess.MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        for file in self._folder.glob("gauge_*_*.db"):
            if not _is_alive(int(file.stem.rpartition("_")[2])):
                file.unlink(missing_ok=True)  # another process may remove it too
        metrics: Iterable[Metric] = self._all.collect()  # type: ignore[no-untyped-call]
        return metrics


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is another account's
        return True
    return True
