"""The ways a service says no. Each carries one sentence for the person who asked."""

from __future__ import annotations


class NotFound(Exception):  # noqa: N818 - an answer, not a fault
    """There is no such thing, or none that this person may see: the two answers are the same."""

    def __init__(self, sentence: str = "There is nothing here, or it belongs to another clinic.") -> None:
        super().__init__(sentence)


class Rejected(Exception):  # noqa: N818 - an answer, not a fault
    """What was asked breaks a rule; the sentence says which, and what to do."""


class Unavailable(Exception):  # noqa: N818 - an answer, not a fault
    """What is needed is away; the sentence says what was kept, and what to do."""


class Full(Unavailable):
    """What is needed has no room left."""


class Conflict(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody else was quicker with the same; whoever asks again finds how it stands now."""
