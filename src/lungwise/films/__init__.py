"""Films: bytes in, one Film out, or a Refusal with its reason."""

from lungwise.films.decode import open_film, open_path
from lungwise.films.film import Film
from lungwise.films.refusals import Refusal

__all__ = ["Film", "Refusal", "open_film", "open_path"]
