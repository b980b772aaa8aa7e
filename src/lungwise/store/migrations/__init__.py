"""The database's schema, step by step, and the commands over it."""

from lungwise.store.migrations.steps import is_current, upgrade

__all__ = ["is_current", "upgrade"]
