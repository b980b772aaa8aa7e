import numpy as np

from film_results import FACTS, READ, READING
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.films import open_film
from lungwise.results.secondary_capture import film_capture, heat_map_capture
from lungwise.results.study_header import study_header

HEADER = study_header(b"a picture", FACTS)
FILM = open_film(as_jpeg(synthetic_film(1, 0)))


def test_the_heat_map_lies_over_the_film_and_the_text_beneath_it() -> None:
    film, heat_map = film_capture(HEADER, FILM).pixel_array, heat_map_capture(HEADER, READ, READING, FILM).pixel_array
    assert heat_map.ndim == 3 and film.ndim == 2
    assert heat_map.shape[0] / heat_map.shape[1] > film.shape[0] / film.shape[1]
    assert np.ptp(heat_map[-20:].astype(int)) > 100


def test_the_film_is_the_instance_that_its_results_refer_to() -> None:
    film = film_capture(HEADER, FILM)
    heat_map = heat_map_capture(HEADER, READ, READING, FILM)
    assert heat_map.SourceImageSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID == FACTS.film_uid
    assert film.SeriesInstanceUID != heat_map.SeriesInstanceUID
