"""The ways a service says no. Each carries one sentence for the person who asked."""

from __future__ import annotations

from collections.abc import Callable


class NotFound(Exception):  # noqa: N818 - an answer, not a fault
    """There is no such thing, or none that this person may see: the two answers are the same."""

    def __init__(self, sentence: str = "There is nothing here, or it belongs to another clinic.") -> None:
        super().__init__(sentence)


class Rejected(Exception):  # noqa: N818 - an answer, not a fault
    """What was asked breaks a rule; the sentence says which, and what to do.

    The sentence is translated where it is shown, and the values put into it then.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence = sentence
        self.values = values

    def said(self, words: Callable[[str], str]) -> str:
        """Say it in the language of `words`."""
        return words(self.sentence) % self.values if self.values else words(self.sentence)


class Unavailable(Exception):  # noqa: N818 - an answer, not a fault
    """What is needed is away; the sentence says what was kept, and what to do."""


class Full(Unavailable):
    """What is needed has no room left."""


class Conflict(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody else was quicker with the same; whoever asks again finds how it stands now."""
