from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from answered import read_again
from lungwise.patients.service import PatientFacts
from lungwise.store.migrations import upgrade
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.models import Study
from lungwise.studies.service import Conclusion

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Services
    from lungwise.access import Person

NOTE = Conclusion(note="See the film.")
NORMAL, COVID = (Conclusion(conclusion=said) for said in (Diagnosis.NORMAL, Diagnosis.COVID_19))
BACK = {
    "drop the index": "DROP INDEX ix_studies_statistics{on}",
    "drop the column": "ALTER TABLE studies DROP COLUMN agreed",
    "make the old index": "CREATE INDEX ix_studies_statistics ON studies (clinic_id, week, standing, conclusion, pcr)",
    "forget it": "UPDATE studies SET agreed = NULL",
}


def conclude(services: Services, person: Person, study: Study, *said: Conclusion) -> None:
    for one in said:
        services.clock.forward(minutes=1)
        services.studies.conclude(person, study.key, one)
    services.session.commit()


def agreed(services: Services) -> list[bool | None]:
    """Give what each study keeps, in their order."""
    services.session.expire_all()
    found = list(services.session.scalars(select(Study.agreed).order_by(Study.id)))
    services.session.commit()
    return found


@pytest.mark.parametrize(
    "steps",
    [
        ("drop the index", "drop the column", "make the old index"),
        ("drop the index", "forget it", "make the old index"),  # killed after the column was added
        ("drop the index",),  # killed between the old index and the new one
        (),
    ],
    ids=["anew", "with the column", "without the index", "again"],
)
def test_conclusions_of_an_earlier_release_are_compared_with_the_verdicts_that_stood_then(
    either_services: Services, film: Callable[..., bytes], blank: bytes, steps: tuple[str, ...]
) -> None:
    services, ada = either_services, either_services.person()
    studies = [
        services.studies.open(ada, PatientFacts(), [(str(n), data) for n, data in enumerate(films)])
        for films in ((film(1, 8),), (film(2, 8), film(3)), (film(4, 8), blank), (blank,), (film(5, 8),), (film(6, 8),))
    ]
    conclude(services, ada, studies[4], COVID)  # before it is read
    services.clock.forward(minutes=1)
    services.read_all()
    conclude(services, ada, studies[0], NORMAL, COVID, NOTE)
    read_again(services, studies[0], "2", "negative")
    for study in studies[1:4]:
        conclude(services, ada, study, COVID)
    conclude(services, ada, studies[5], NOTE)
    read_again(services, studies[1], "2", None)  # the other film is uncertain
    conclude(services, ada, studies[1], NORMAL)
    read_again(services, studies[2], "2", "negative")
    conclude(services, ada, studies[2], COVID)
    kept = agreed(services)
    assert kept == [True, None, False, None, None, None]
    with services.session.get_bind().engine.begin() as connection:
        on = " ON studies" if connection.dialect.name == "mysql" else ""
        for step in steps:
            connection.execute(text(BACK[step].format(on=on)))
        connection.execute(text("UPDATE alembic_version SET version_num = '0052'"))
    upgrade(services.session.get_bind().engine)
    assert agreed(services) == kept
