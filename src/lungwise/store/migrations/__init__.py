"""The database's schema, step by step, and the commands over it."""

from lungwise.store.migrations.steps import is_current, newer_schema, schema_of, upgrade

__all__ = ["is_current", "newer_schema", "schema_of", "upgrade"]
