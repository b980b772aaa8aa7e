"""The administrator's page of the audit trail: who did what, filtered and exported."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import lungwise
from lungwise.access import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Visitor
    from lungwise.access import Person
    from lungwise.web_app import Lungwise

SOURCE = Path(lungwise.__file__).parent


def test_a_failed_sign_in_is_in_the_trail_where_there_is_such_an_account(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(either_app, "Ada", role=Role.ADMINISTRATOR)
    ada = visit(either_app)
    for address in ("ada@example.org", "nobody@example.org"):
        assert visit(either_app, "10.0.0.66").sign_in(address, "four red boats sink").status_code == 200
    ada.sign_in("ada@example.org")
    rows = list(csv.DictReader(ada.get("/audit.csv?action=failed+to+sign+in").text.splitlines()))
    assert [(row["person"], row["address"], row["subject"]) for row in rows] == [("Ada", "10.0.0.66", "account")]


def test_the_trail_is_filtered_on_the_page_and_in_the_export(
    either_app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    for name, role in (("Ada", Role.ADMINISTRATOR), ("Bob", Role.DOCTOR)):
        enrol(either_app, name, role=role)
    enrol(either_app, "Eve", "Valley", Role.ADMINISTRATOR)
    ada, bob, eve = (visit(either_app) for _ in range(3))
    for visitor, name in ((ada, "ada"), (bob, "bob"), (eve, "eve")):
        visitor.sign_in(f"{name}@example.org")
    study = bob.upload(film(1), name="Béla Bartók", identifier="SECRET-7")
    bob.get(study)
    ada.post(f"{study}/delete", page="/profile", sure="y")
    ada.get("/audit?action=saw")

    def rows(query: str, visitor: Visitor = ada) -> list[dict[str, str]]:
        answer = visitor.get(f"/audit.csv?{query}")
        assert answer.mimetype == "text/csv"
        return list(csv.DictReader(answer.text.splitlines()))

    key = study.rsplit("/", 1)[1]
    assert [row["action"] for row in rows(f"subject_key={key}")] == ["deleted", "saw", "uploaded"]
    assert {row["person"] for row in rows("person=Bob")} == {"Bob"}
    assert [(row["person"], row["subject"]) for row in rows("action=deleted")] == [("Ada", "study")]
    assert rows("since=2100-01-01") == []
    assert rows("deed=deleted")[-1]["key"] == rows("action=deleted")[-1]["key"]  # as earlier releases' links say
    assert len(rows("action=")) == len(rows("")) - 1
    assert ada.get("/audit.csv?action=nonsense").status_code == 422  # a table has no place to say it
    assert ada.get("/audit?action=nonsense").status_code == 200
    assert {row["person"] for row in rows("", eve)} == {"Eve"}
    everything = ada.get("/audit").text + str(rows(""))
    assert "Not a valid choice" not in everything
    assert "SECRET-7" not in everything
    assert "Bart" not in everything
    page = ada.get("/audit?action=uploaded").text
    assert page.count("<tr>") == 2  # the heading, and Bob's upload
    assert "uploaded: study" in page
    ada.post("/profile", name="Ada", language="es")
    assert "subió: estudio" in ada.get("/audit?action=uploaded").text


def test_whoever_acts_under_another_name_is_shown_by_account(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person], film: Callable[..., bytes]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Ben")
    ada, ben = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    ben.sign_in("ben@example.org")
    ben.post("/profile", name="Rosa", language="")
    ben.upload(film(1), name="Béla Bartók", identifier="7")
    ben.post("/profile", name="Ben", language="")

    def rows(query: str) -> list[dict[str, str]]:
        return list(csv.DictReader(ada.get(f"/audit.csv?{query}").text.splitlines()))

    (uploaded,) = rows("action=uploaded")
    assert (uploaded["person"], uploaded["email"]) == ("Rosa", "ben@example.org")
    named = [
        (row["person"], row["action"]) for row in rows(f"subject_key={uploaded['account']}") if "name" in row["action"]
    ]
    assert named == [("Ben", "took name"), ("Rosa", "gave up name"), ("Rosa", "took name"), ("Ben", "gave up name")]
    by_account = rows(f"account={uploaded['account']}")
    assert {row["person"] for row in by_account} == {"Ben", "Rosa"}
    assert {row["email"] for row in by_account} == {"ben@example.org"}
    page = ada.get("/audit?action=uploaded").text
    assert '<td>Rosa <span class="help">ben@example.org</span></td>' in page
    assert "ben@example.org · Ben</option>" in page
    assert ada.get("/audit.csv?account=nobody").status_code == 422


def test_an_account_that_is_deleted_is_shown_by_its_key(
    app: Lungwise, visit: Callable[..., Visitor], enrol: Callable[..., Person]
) -> None:
    enrol(app, "Ada", role=Role.ADMINISTRATOR)
    enrol(app, "Ben")
    ada, ben = visit(app), visit(app)
    ada.sign_in("ada@example.org")
    ben.sign_in("ben@example.org")
    (row,) = (
        row
        for row in csv.DictReader(ada.get("/audit.csv?action=signed+in").text.splitlines())
        if row["person"] == "Ben"
    )

    ada.post(f"/accounts/{row['account']}/delete", page="/accounts", sure="y")

    page = ada.get(f"/audit?account={row['account']}").text
    assert f'<td>Ben <span class="help">{row["account"]}</span></td>' in page
    assert "ben@example.org" not in page
    (left,) = csv.DictReader(ada.get(f"/audit.csv?action=signed+in&account={row['account']}").text.splitlines())
    assert (left["account"], left["email"], left["person"]) == (row["account"], "", "Ben")
