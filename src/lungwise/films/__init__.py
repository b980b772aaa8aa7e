"""Films: bytes in, one Film out, or a Refusal with its reason."""

from lungwise.films.decode import open_film, open_path
from lungwise.films.film import Film, Photographed
from lungwise.films.refusals import Refusal

__all__ = ["Film", "Photographed", "Refusal", "open_film", "open_path"]
