from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select

from lungwise.access import Person, Role
from lungwise.patients.service import PatientFacts
from lungwise.studies.models import Study, StudyStatus
from lungwise.studies.worklist import END, PAGE, Order, WorklistQuery
from plans import explained, rows_read, statements

if TYPE_CHECKING:
    from conftest import Services


def fill(services: Services, person: Person, count: int) -> None:
    names = ("Béla Bartók", "Clara Wieck", "Amara Okafor")
    patients = [
        services.patients.match_or_add(person, PatientFacts(identifier=f"{person.clinic_id}-{n}", name=name)).patient
        for n, name in enumerate(names)
    ]
    statuses = (StudyStatus.POSITIVE, StudyStatus.UNCERTAIN, StudyStatus.NEGATIVE)
    services.session.execute(
        insert(Study),
        [
            {
                "key": f"{person.clinic_id}k{n}",
                "clinic_id": person.clinic_id,
                "patient_id": patients[n % 3].id,
                "author_id": person.id,
                "created_at": services.clock() - timedelta(hours=n * 7 % 97),
                "unread": n % 4 == 0,
                "status": statuses[n % 3].value,
                "probability": (n * 37 % 101) / 101,
                "pattern": ("COVID-19", "tuberculosis", "")[n % 3],
                "named_findings": ("COVID-19", "tuberculosis", "")[n % 3],
                "urgency": (n * 41 % 103) / 103,
            }
            for n in range(count)
        ],
    )
    services.session.commit()


def walk(services: Services, person: Person, wanted: WorklistQuery) -> list[Study]:
    found: list[Study] = []
    while True:
        page = services.worklist.page(person, wanted)
        lines, after = page.rows, page.after
        assert len(lines) <= PAGE
        found += [line.study for line in lines]
        if not after:
            return found
        wanted = replace(wanted, after=after)


@pytest.mark.parametrize("order", list(Order))
def test_pages_show_every_study_once_the_unread_first_and_in_order(order: Order, either_services: Services) -> None:
    services, person, other = either_services, either_services.person(), either_services.person("Bob", "Valley")
    fill(services, person, 130)
    fill(services, other, 5)
    found = walk(services, person, WorklistQuery(order=order))
    assert len({study.id for study in found}) == len(found) == 130
    assert {study.clinic_id for study in found} == {person.clinic_id}
    value = {Order.NEWEST: "created_at", Order.URGENT: "urgency", Order.PROBABLE: "probability"}[order]
    keys = [(study.unread, getattr(study, value), study.id) for study in found]
    assert keys == sorted(keys, reverse=True)


def test_filters_narrow_the_list(services: Services) -> None:
    person = services.person()
    fill(services, person, 60)
    assert {study.status for study in walk(services, person, WorklistQuery(status=StudyStatus.UNCERTAIN))} == {
        "uncertain"
    }
    assert all(study.unread for study in walk(services, person, WorklistQuery(unread=True)))
    ill = walk(services, person, WorklistQuery(finding="tuberculosis"))
    assert {study.pattern for study in ill} == {"tuberculosis"} and len(ill) == 20
    assert walk(services, person, WorklistQuery(finding="tuberculosis", status=StudyStatus.NEGATIVE)) == []
    assert len(walk(services, person, WorklistQuery(text="bartok"))) == 20
    assert walk(services, person, WorklistQuery(text="nobody")) == []
    today = services.clock().date()
    recent = walk(services, person, WorklistQuery(since=today, until=today))
    assert recent
    assert {study.created_at.date() for study in recent} == {today}


@pytest.mark.parametrize(
    "after",
    ["", "x", "1_2_3", "1__", "0_nan_1", "0_1e400_1", f"0_0.5_{10**30}", "1_2026-13-01_1", "'; DROP TABLE studies"],
)
def test_a_forged_place_breaks_nothing(after: str, either_services: Services) -> None:
    services, person = either_services, either_services.person()
    fill(services, person, 3)
    for order in Order:
        assert len(services.worklist.page(person, WorklistQuery(after=after, order=order)).rows) <= 3
        assert len(services.worklist.page(person, WorklistQuery(before=after, order=order)).rows) <= 3


INDEXED = [
    WorklistQuery(order=order, status=status, unread=unread)
    for order in Order
    for status, unread in ((None, False), (StudyStatus.POSITIVE, False), (None, True))
] + [
    WorklistQuery(finding="tuberculosis"),
    WorklistQuery(finding="tuberculosis", order=Order.URGENT),
    WorklistQuery(since=date(2025, 9, 1), until=date(2025, 12, 31)),
]


@pytest.mark.parametrize("wanted", INDEXED, ids=str)
def test_however_deep_a_page_is_the_database_walks_an_index_and_reads_a_pages_worth(
    wanted: WorklistQuery, large: Services
) -> None:
    services, person = large, large.person(f"P{INDEXED.index(wanted)}")
    for place in (wanted, replace(wanted, after=deep(services, person, wanted)), replace(wanted, before=END)):
        turn = partial(services.worklist.page, person, place)
        walks = [statement for statement in statements(services.session, turn) if "ORDER BY" in statement[0]]
        assert walks
        for plan in (explained(services.session, statement) for statement in walks):
            assert "ix_studies" in plan
            assert "TEMP B-TREE" not in plan
            # MariaDB may rather sort what it takes for a handful, as the studies that name a rare pair of findings.
            assert "filesort" not in plan or (wanted.finding and rows_expected(plan) < PAGE), plan
        if services.session.get_bind().dialect.name == "mysql":
            assert rows_read(services.session, turn) < 6 * PAGE


def rows_expected(plan: str) -> int:
    """How many rows MariaDB expects to read, as its plan says before it names what it uses."""
    found = re.search(r" (\d+) Using ", plan)
    assert found, plan
    return int(found[1])


def test_who_sees_their_own_studies_alone_reads_no_others(large: Services) -> None:
    services, hana = large, large.person("Hana", role=Role.HEALTH_WORKER)
    turn = partial(services.worklist.page, hana, WorklistQuery())
    walks = [statement for statement in statements(services.session, turn) if "author_id =" in statement[0]]
    assert walks
    for plan in (explained(services.session, statement) for statement in walks):
        assert "ix_studies_author_newest" in plan
        assert "TEMP B-TREE" not in plan and "filesort" not in plan
    assert services.worklist.page(hana, WorklistQuery()).rows == []
    assert services.worklist.count(hana, WorklistQuery()) == 0


def deep(services: Services, person: Person, wanted: WorklistQuery) -> str:
    """The place eight pages in, or on the last page."""
    for _ in range(8):
        after = services.worklist.page(person, wanted).after
        wanted = replace(wanted, after=after or wanted.after)
    return wanted.after


def test_pages_lead_back_the_way_they_came(either_services: Services) -> None:
    services, person = either_services, either_services.person()
    fill(services, person, 3 * PAGE + 7)
    forth = [services.worklist.page(person, WorklistQuery())]
    while forth[-1].after:
        forth.append(services.worklist.page(person, WorklistQuery(after=forth[-1].after)))
    assert [len(page.rows) for page in forth] == [PAGE, PAGE, PAGE, 7]
    back = services.worklist.page(person, WorklistQuery(before=forth[-1].before))
    for page in reversed(forth[:-1]):
        assert back == page
        back = services.worklist.page(person, WorklistQuery(before=back.before)) if back.before else back
    assert back.before == ""


def test_the_last_page_ends_with_the_last_study_and_has_none_after_it(services: Services) -> None:
    person = services.person()
    fill(services, person, 2 * PAGE + 7)
    whole = [line.study.id for line in services.worklist.all(person, WorklistQuery())]
    last = services.worklist.page(person, WorklistQuery(before=END))
    assert [line.study.id for line in last.rows] == whole[-PAGE:]
    assert last.after == ""
    assert last.before


def test_before_the_second_page_of_a_short_list_lies_the_whole_first_one(services: Services) -> None:
    person = services.person()
    fill(services, person, PAGE + 7)
    first = services.worklist.page(person, WorklistQuery())
    last = services.worklist.page(person, WorklistQuery(before=END))
    assert services.worklist.page(person, WorklistQuery(before=last.before)) == first


def test_the_next_unread_study_is_the_one_below_and_after_the_last_the_first(either_services: Services) -> None:
    services, ada, eve = either_services, either_services.person(), either_services.person("Eve", "Plain")
    fill(services, ada, 20)
    fill(services, eve, 20)
    unread = [study for study in walk(services, ada, WorklistQuery(unread=True)) if study.clinic_id == ada.clinic_id]
    unread[2].status = StudyStatus.WAITING
    services.session.flush()
    there = [study for n, study in enumerate(unread) if n != 2]
    for study, following in zip(there, [*there[1:], there[0]], strict=True):
        assert services.worklist.next_unread(ada, study) == following
    for study in there[1:]:
        study.unread = False
    services.session.flush()
    assert services.worklist.next_unread(ada, there[1]) == there[0]
    assert services.worklist.next_unread(ada, there[0]) is None


def test_the_next_unread_study_is_found_in_an_index(large: Services) -> None:
    study = large.session.scalars(select(Study).order_by(Study.created_at).limit(1)).one()
    turn = partial(large.worklist.next_unread, large.person("Next"), study)
    walks = [statement for statement in statements(large.session, turn) if "ORDER BY" in statement[0]]
    assert walks
    for plan in (explained(large.session, statement) for statement in walks):
        assert "ix_studies" in plan
        assert "TEMP B-TREE" not in plan and "filesort" not in plan


def test_the_count_is_of_all_pages(either_services: Services) -> None:
    services, person, other = either_services, either_services.person(), either_services.person("Bob", "Valley")
    fill(services, person, PAGE + 10)
    fill(services, other, 5)
    for query in (
        WorklistQuery(),
        WorklistQuery(unread=True),
        WorklistQuery(status=StudyStatus.POSITIVE),
        WorklistQuery(finding="tuberculosis"),
        WorklistQuery(text="bartok"),
        WorklistQuery(text="nobody"),
        WorklistQuery(since=services.clock().date()),
    ):
        assert services.worklist.count(person, query) == len(walk(services, person, query))


def test_the_days_of_a_list_are_those_on_which_films_were_taken(services: Services) -> None:
    person = services.person()
    fill(services, person, 3)
    study = services.session.scalars(select(Study)).first()
    assert study is not None
    study.taken_at = services.clock() - timedelta(days=400)
    services.session.commit()
    long_ago = (services.clock() - timedelta(days=390)).date()
    assert walk(services, person, WorklistQuery(until=long_ago)) == [study]
    assert study not in walk(services, person, WorklistQuery(since=long_ago))
