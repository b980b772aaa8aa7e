"""Accounts: who may do what, in which clinic."""

from lungwise.accounts.person import Person, Right, Role

__all__ = ["Person", "Right", "Role"]
