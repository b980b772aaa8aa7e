"""What `lungwise db check` says of files without a row, and does with them."""

from __future__ import annotations

from dataclasses import dataclass

import click

from lungwise.store.cleaning import Cleaning, CleaningError, Orphan, ages


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What was found, brought back, moved and deleted; `refused` says why nothing was moved."""

    left: list[Orphan]
    back: list[Orphan]
    moved: list[Orphan]
    purged: list[Orphan]
    refused: str

    @property
    def as_json(self) -> dict[str, object]:
        """The same, for programs."""
        lists = {"orphans": self.left, "brought_back": self.back, "moved": self.moved, "purged": self.purged}
        found = {name: [orphan.as_json for orphan in orphans] for name, orphans in lists.items()}
        return {**found, "refused": self.refused}

    def print_summary(self) -> None:
        """Print it for people."""
        actions = {
            "Brought back from quarantine, for its film needs it": self.back,
            "Moved into quarantine": self.moved,
            "Deleted from quarantine": self.purged,
        }
        for action, orphans in actions.items():
            for orphan in orphans:
                file = orphan.file
                click.echo(f"{action}: study {file.study}, film {file.name}, {orphan.age.days} days old")
        if self.left:
            by_age = ", ".join(f"{count} {age}" for age, count in ages(self.left).items() if count)
            click.echo(f"Files without a row: {by_age}. Uploads that were cut off leave them.")
            click.echo("Move those older than a day into quarantine with: lungwise db check --clean")


def clean_store(cleaning: Cleaning, max_percent: float, *, clean: bool, purge: bool) -> Cleaned:
    """Clean and purge as asked, and list what is left. In either case no film stays in quarantine."""
    back = cleaning.bring_back() if clean or purge else []
    moved, refused = [], ""
    if clean:
        try:
            moved = cleaning.clean(max_percent)
        except CleaningError as error:
            refused = str(error)
    purged = cleaning.purge() if purge else []
    return Cleaned(left=cleaning.orphans(), back=back, moved=moved, purged=purged, refused=refused)
