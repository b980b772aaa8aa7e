"""One Film in, one Reading out, or a Refusal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from lungwise.films import Film, Refusal, open_path
from lungwise.films.film import ADULT
from lungwise.films.preprocess import LEAST_SIDE, preprocess
from lungwise.films.refusals import CHILD, PHOTOGRAPH, TURNED_UPRIGHT
from lungwise.reading.artefact import APPEARANCES, GATE, Artefact, load_artefact
from lungwise.reading.extent import extent_of
from lungwise.reading.findings import FINDING_NAMES
from lungwise.reading.gate import quarter_turns, refuse_blank, refuse_unreadable
from lungwise.reading.pattern import COVID, normal_of, pattern_of, raised
from lungwise.reading.quality import refuse_unfit
from lungwise.reading.reading import (
    PictureFacts,
    Reading,
    outcome_of,
    verdict,
)
from lungwise.reading.runtime import OpenVino, Outputs, Runtime, cores

_AHEAD = 4
"""Films per core that `read_many` works on at once: enough to keep it busy, few enough to fit in memory."""

FRONTAL = ("AP", "PA")
"""Views of a chest film that is read, as DICOM names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """What came of one file."""

    path: Path
    outcome: Reading | Refusal
    milliseconds: float

    @property
    def reading(self) -> Reading | None:
        """None of a refused file."""
        return self.outcome if isinstance(self.outcome, Reading) else None

    @property
    def refusal(self) -> Refusal | None:
        """None of a file that was read."""
        return self.outcome if isinstance(self.outcome, Refusal) else None


class Reader:
    """Reads films with one artefact; safe to share among threads.

    Parameters
    ----------
    artefact
        By default the shipped one.
    runtime
        By default OpenVINO.
    streams
        Films that `read` reads at the same time, each on one core; by default one at a time, on all cores.
    """

    def __init__(
        self, artefact: Artefact | None = None, runtime: Runtime | None = None, streams: int | None = None
    ) -> None:
        self.artefact = artefact or load_artefact()
        self._only = runtime
        self._streams = streams
        self._runtimes: dict[int | None, Runtime] = {}
        self._compiling = Lock()

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
            If it is not a frontal chest film, or cannot be recognised as one.
        """
        return self._read(film, self.runtime(self._streams))

    def predict_ungated(self, film: Film) -> Reading:
        """Read any film without asking whether it can be read: for experiments, never for a patient."""
        return self._reading(self.runtime().run(preprocess(film.pixels)))

    def read_many(self, paths: Iterable[Path]) -> Iterator[ReadFile]:
        """Read files in their order, decoding some while the network reads others.

        Every core works on a film of its own, which gives more films a second than all cores
        on one; `paths` is consumed only as fast as films are read.
        """
        runtime = self.runtime(streams=cores())
        yield from read_in_order(
            paths,
            lambda path: self._read(open_path(path, LEAST_SIDE), runtime),
            threads=cores() + 1,
            ahead=_AHEAD * cores(),
        )

    def runtime(self, streams: int | None = None) -> Runtime:
        """The runtime for that many films at a time, or for one on all cores; compiled when it is first needed."""
        if self._only:
            return self._only
        with self._compiling:
            if streams not in self._runtimes:
                self._runtimes[streams] = OpenVino(self.artefact.onnx, streams)
            return self._runtimes[streams]

    def _read(self, film: Film, runtime: Runtime) -> Reading:
        square = preprocess(film.pixels)
        refuse_blank(square)
        exposure = refuse_unfit(film, square)
        outputs = runtime.run(square)
        turns = quarter_turns(outputs["gate"])
        if turns:
            film = replace(film, pixels=np.rot90(film.pixels, -turns))
            outputs = runtime.run(preprocess(film.pixels))
        refuse_unreadable(outputs["gate"], self.artefact.card.gate)
        view = film.view if film.view in FRONTAL else None
        gate = float(outputs["gate"][GATE.index("upright")])
        picture = PictureFacts(gate=gate, grey=exposure.middle, contrast=exposure.range)
        return replace(self._reading(outputs, turns, _warnings(film, turns)), view=view, picture=picture)

    def _reading(self, outputs: Outputs, turns: int = 0, warnings: tuple[str, ...] = ()) -> Reading:
        card = self.artefact.card
        probability = float(outputs["covid"])
        said = verdict(probability, card.thresholds.lower, card.thresholds.upper)
        findings = dict(zip(FINDING_NAMES, outputs["findings"].tolist(), strict=True)) | {COVID: probability}
        return Reading(
            probability=probability,
            verdict=said,
            appearance=dict(zip(APPEARANCES, outputs["appearance"].tolist(), strict=True)),
            findings=findings,
            normal=normal_of(findings, card.finding_thresholds),
            pattern=pattern_of(findings, said, card.finding_thresholds),
            raised=raised(findings, said, card.finding_thresholds),
            heat_map=np.rot90(outputs["heat_map"], turns),
            quarter_turns=turns,
            model=card.name,
            version=card.version,
            warnings=warnings,
            extent=extent_of(outputs["heat_map"], card.extent) if card.extent else None,
        )


def read_in_order(
    paths: Iterable[Path], read: Callable[[Path], Reading], *, threads: int, ahead: int
) -> Iterator[ReadFile]:
    """Read files in threads and yield them in their order; at most `ahead` are being read or wait to be taken."""

    def timed(path: Path) -> ReadFile:
        began = time.perf_counter()
        outcome = outcome_of(lambda: read(path))
        return ReadFile(path=path, outcome=outcome, milliseconds=(time.perf_counter() - began) * 1000)

    with ThreadPoolExecutor(threads, thread_name_prefix="lungwise-read") as pool:
        under_way: deque[Future[ReadFile]] = deque()
        for path in paths:
            under_way.append(pool.submit(timed, path))
            if len(under_way) >= ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _warnings(film: Film, turns: int) -> tuple[str, ...]:
    holds = {
        PHOTOGRAPH: film.photograph,
        TURNED_UPRIGHT: turns > 0,
        CHILD: film.age is not None and film.age < ADULT,
    }
    return (*(code for code, is_so in holds.items() if is_so), *film.warnings)
