from __future__ import annotations

from typing import TYPE_CHECKING

from lungwise.audit.models import AuditEntry
from lungwise.store import Database, FilmStore
from lungwise.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Clock
    from lungwise.settings import Settings


def test_the_services_over_one_session_see_the_same_and_record_from_one_address(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    database = Database(settings)
    wiring = Wiring(settings, FilmStore(settings), clock)
    with database.writing() as session:
        services = wiring.over(session, "192.0.2.7")
        clinic = services.accounts.clinic("Hill")
        assert wiring.over(session).accounts.clinics() == [clinic]
        assert services.accounts is services.accounts
        assert services.held is services.recording.held
        assert not session.query(AuditEntry).filter(AuditEntry.address != "192.0.2.7").count()
    database.close()


def test_looking_at_the_other_services_makes_no_secret_key(
    settings: Settings, clock: Clock, migrate: Callable[[Settings], None]
) -> None:
    migrate(settings)
    database = Database(settings)
    before = set(settings.data_folder.iterdir())
    with database.reading() as session:
        wiring = Wiring(settings, FilmStore(settings), clock)
        assert wiring.over(session).tokens.everyone() == []

        made = {path.name for path in set(settings.data_folder.iterdir()) - before}
        assert not {name for name in made if "secret" in name}
    database.close()
