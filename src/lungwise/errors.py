"""How a service refuses. Each answer carries one sentence for the person who asked."""

from __future__ import annotations

from collections.abc import Callable


class NotFound(Exception):  # noqa: N818 - an answer, not a fault
    """It does not exist, or this person may not see it: the two answers are the same."""

    def __init__(self, sentence: str = "There is nothing here, or it belongs to another clinic.") -> None:
        super().__init__(sentence)


class Rejected(Exception):  # noqa: N818 - an answer, not a fault
    """The request breaks a rule; the sentence says which, and what to do.

    The sentence is translated where it is shown, and only then are its values put in.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values

    def translated(self, gettext: Callable[[str], str]) -> str:
        """Return the sentence in the language of `gettext`."""
        return gettext(self.sentence) % self.values if self.values else gettext(self.sentence)


class Contradiction(Rejected):
    """The request is sound, and contradicts what is known already."""


class ClinicClosed(Contradiction):
    """The clinic is closed for writing: it moves to another installation, or has moved."""


class Unavailable(Exception):  # noqa: N818 - an answer, not a fault
    """Something is not available now; the sentence says what was saved, and what to do."""


class Full(Unavailable):
    """There is no space left."""


class Conflict(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody else changed the same first; whoever asks again finds the current state."""
