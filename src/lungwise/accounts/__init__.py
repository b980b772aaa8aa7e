"""Accounts: who may do what, in which clinic."""

from lungwise.access import Person, Right, Role

__all__ = ["Person", "Right", "Role"]
