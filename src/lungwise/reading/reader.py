"""One Film in, one Reading out, or a Refusal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from lungwise.films import Film, Refusal, open_path
from lungwise.films.preprocess import preprocess
from lungwise.films.refusals import CHILD, PHOTOGRAPH, TURNED_UPRIGHT
from lungwise.reading.artefact import APPEARANCES, Artefact, load_artefact
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.gate import quarter_turns, refuse_blank, refuse_unreadable
from lungwise.reading.quality import refuse_unfit
from lungwise.reading.reading import (
    Reading,
    Verdict,
    outcome_of,
)
from lungwise.reading.runtime import OpenVino, Outputs, Runtime, cores

_AHEAD = 4
"""Films per stream that `read_many` keeps under way: enough to keep busy, few enough to fit in memory."""

ADULT = 18
"""Years from which on a patient is no child."""


class Answer(NamedTuple):
    """What came of one file."""

    path: Path
    answer: Reading | Refusal
    milliseconds: float


class Reader:
    """Reads films with one artefact; safe to share among threads.

    Parameters
    ----------
    artefact
        By default the shipped one.
    runtime
        By default OpenVINO.
    streams
        Films that `read` reads at the same time, each on one core; by default one at a time on all cores.
    """

    def __init__(
        self, artefact: Artefact | None = None, runtime: Runtime | None = None, streams: int | None = None
    ) -> None:
        self.artefact = artefact or load_artefact()
        self._given = runtime
        self._streams = streams
        self._made: dict[int | None, Runtime] = {}
        self._making = Lock()

    @property
    def model(self) -> str:
        """Name of the model that reads."""
        return self.artefact.card.name

    @property
    def version(self) -> str:
        """Version of the model that reads."""
        return self.artefact.card.version

    def read(self, film: Film) -> Reading:
        """Read one film; a film that lies on its side or head is turned upright first.

        Raises
        ------
        Refusal
            If it is no frontal chest film, or cannot be told to be one.
        """
        return self._read(film, self.runtime(self._streams))

    def look(self, film: Film) -> Reading:
        """Read whatever is given, refusing nothing: for experiments, never for a patient."""
        return self._reading(self.runtime().run(preprocess(film.pixels)))

    def read_many(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """Read files in their order, decoding some while the network reads others.

        Every core works on a film of its own, which gives more films a second than all cores
        on one; `paths` is drawn from only as fast as films are read.
        """
        runtime = self.runtime(streams=cores())
        with ThreadPoolExecutor(cores() + 1, thread_name_prefix="lungwise-read") as pool:
            under_way: deque[Future[Answer]] = deque()
            for path in paths:
                under_way.append(pool.submit(self._answer, path, runtime))
                if len(under_way) >= _AHEAD * cores():
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    def _answer(self, path: Path, runtime: Runtime) -> Answer:
        began = time.perf_counter()
        answer = outcome_of(lambda: self._read(open_path(path), runtime))
        return Answer(path, answer, (time.perf_counter() - began) * 1000)

    def runtime(self, streams: int | None = None) -> Runtime:
        """The runtime for so many films at a time, or for one on all cores, compiled when it is first asked for."""
        if self._given:
            return self._given
        with self._making:
            if streams not in self._made:
                self._made[streams] = OpenVino(self.artefact.onnx, streams)
            return self._made[streams]

    def _read(self, film: Film, runtime: Runtime) -> Reading:
        square = preprocess(film.pixels)
        refuse_blank(square)
        refuse_unfit(film, square)
        outputs = runtime.run(square)
        turns = quarter_turns(outputs["gate"])
        if turns:
            film = replace(film, pixels=np.rot90(film.pixels, -turns))
            outputs = runtime.run(preprocess(film.pixels))
        refuse_unreadable(outputs["gate"], self.artefact.card.gate)
        return self._reading(outputs, turns, _warnings(film, turns))

    def _reading(self, outputs: Outputs, turns: int = 0, warnings: tuple[str, ...] = ()) -> Reading:
        card = self.artefact.card
        probability = float(outputs["covid"])
        return Reading(
            probability=probability,
            verdict=verdict(probability, card.thresholds.lower, card.thresholds.upper),
            appearance=dict(zip(APPEARANCES, outputs["appearance"].tolist(), strict=True)),
            findings=dict(zip(FINDING_NAMES, outputs["findings"].tolist(), strict=True)),
            heat_map=np.rot90(outputs["heat_map"], turns),
            quarter_turns=turns,
            model=card.name,
            version=card.version,
            warnings=warnings,
        )


def _warnings(film: Film, turns: int) -> tuple[str, ...]:
    said = (
        (film.photograph, PHOTOGRAPH),
        (turns > 0, TURNED_UPRIGHT),
        (film.age is not None and film.age < ADULT, CHILD),
    )
    return (*(code for holds, code in said if holds), *film.warnings)


def verdict(probability: float, lower: float, upper: float) -> Verdict:
    """Negative below `lower`, positive from `upper` on, uncertain between."""
    if probability < lower:
        return Verdict.NEGATIVE
    return Verdict.POSITIVE if probability >= upper else Verdict.UNCERTAIN
