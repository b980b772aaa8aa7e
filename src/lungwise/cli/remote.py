"""Films read by a server: what `lungwise read --server` does in the place of a reader."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lungwise.api.schemas import Film, Model
from lungwise.client import ApiError, Client
from lungwise.films import Refusal, open_film
from lungwise.films.decode import bytes_of
from lungwise.reading import Answer, Reading, Verdict
from lungwise.reading.reading import outcome_of

_AT_ONCE = 4
"""Films under way: enough to hide the network, few enough to leave the server to others."""


class RemoteReader:
    """Reads films by uploading each as a study of its own."""

    def __init__(self, server: str, token: str) -> None:
        self._client = Client(server, token)
        self.model: Model = self._client.model()

    def read_many(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """Read files in their order, some at once."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="lungwise-upload") as pool:
            under_way: deque[Future[Answer]] = deque()
            for path in paths:
                under_way.append(pool.submit(self._answer, path))
                if len(under_way) >= 2 * _AT_ONCE:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    def _answer(self, path: Path) -> Answer:
        began = time.perf_counter()
        answer = outcome_of(lambda: self._read(bytes_of(path)))
        return Answer(path, answer, (time.perf_counter() - began) * 1000)

    def _read(self, data: bytes) -> Reading:
        try:
            study = self._client.read([data])
        except ApiError as no:
            if no.status != 422:
                raise
            open_film(data)  # what is no film is refused here as it would be without a server
            raise Refusal("server", {"sentence": str(no)}) from no
        return self._reading(study.films[0])

    def _reading(self, film: Film) -> Reading:
        said = film.reading
        if said is not None and said.refusal is not None:
            raise Refusal(said.refusal.code, {"sentence": said.refusal.reason, **said.refusal.values})
        if said is None or said.verdict is None or said.probability is None:
            raise Refusal("server")
        heat_map = np.array(self._client.heat_map(film.key).values, np.float32)
        return Reading(
            said.probability,
            Verdict(said.verdict),
            said.appearance,
            said.findings,
            heat_map,
            0,
            said.model.name,
            said.model.version,
            tuple(warning.code for warning in said.warnings),
        )
