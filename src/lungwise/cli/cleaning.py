"""What `lungwise db check` says of files without a row, and does with them."""

from __future__ import annotations

from dataclasses import dataclass

import click

from lungwise.store.cleaning import Cleaning, CleaningError, Orphan, ages


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was found, brought back, moved and deleted, and why nothing was moved where that was refused."""

    left: list[Orphan]
    back: list[Orphan]
    moved: list[Orphan]
    purged: list[Orphan]
    refused: str

    @property
    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        lists = {"orphans": self.left, "brought_back": self.back, "moved": self.moved, "purged": self.purged}
        found = {name: [orphan.as_json for orphan in orphans] for name, orphans in lists.items()}
        return {**found, "refused": self.refused}

    def say(self) -> None:
        """Say it to people."""
        for orphan in self.back:
            click.echo(f"Brought back from quarantine, for its film needs it: {_said(orphan)}")
        for orphan in self.moved:
            click.echo(f"Moved into quarantine: {_said(orphan)}")
        for orphan in self.purged:
            click.echo(f"Deleted from quarantine: {_said(orphan)}")
        if self.left:
            by_age = ", ".join(f"{count} {age}" for age, count in ages(self.left).items() if count)
            click.echo(f"Files without a row: {by_age}. Uploads that were cut off leave them.")
            click.echo("Move those older than a day into quarantine with: lungwise db check --clean")


def clean_store(cleaning: Cleaning, most_percent: float, *, clean: bool, purge: bool) -> Cleaned:
    """Do what is asked, and look what is left. Whatever is done, no film is left in quarantine."""
    back = cleaning.bring_back() if clean or purge else []
    moved, refused = [], ""
    if clean:
        try:
            moved = cleaning.clean(most_percent)
        except CleaningError as error:
            refused = str(error)
    purged = cleaning.purge() if purge else []
    return Cleaned(cleaning.orphans(), back, moved, purged, refused)


def _said(orphan: Orphan) -> str:
    return f"study {orphan.file.study}, film {orphan.file.name}, {orphan.age.days} days old"
