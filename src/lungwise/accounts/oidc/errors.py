"""How signing in at the provider fails: nobody answers, or what is said is not good enough."""

from __future__ import annotations


class ProviderError(Exception):
    """The provider does not answer as it must; says why, for the log, and nothing that is secret."""


class NotVouchedForError(Exception):
    """What came back proves nothing; says why, for the log."""
