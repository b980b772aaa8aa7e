from film_results import FACTS
from lungwise.films import Refusal
from lungwise.results.result import SERIES, FilmResult
from lungwise.results.study_header import study_header


def test_a_part_has_one_uid_for_each_film_model_and_version() -> None:
    header = study_header(b"a picture", FACTS)
    results = [FilmResult(outcome=Refusal("blank"), model="m", version=v, made_at=FACTS.made_at) for v in "112"]
    first, same, newer = (result.uid(header, "SR") for result in results)
    assert first == same != newer
    assert len({results[0].uid(header, kind, "series") for kind in SERIES}) == len(SERIES)
