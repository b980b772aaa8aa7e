from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lungwise.audit.actions import Action, Subject
from lungwise.audit.chain import START, End
from lungwise.audit.mark import Mark, read_mark, write_mark

if TYPE_CHECKING:
    from conftest import Services


def test_a_mark_is_read_as_it_was_written(services: Services) -> None:
    mark = Mark(End(3, START, "key", 2), "signature")
    write_mark(services.session, mark)
    assert read_mark(services.session) == mark


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"end": {"entries": 1}}'])
def test_something_else_in_the_marks_file_is_not_a_mark(content: str, services: Services) -> None:
    (services.settings.data_folder / "audit-end.json").write_text(content)
    assert read_mark(services.session) is None


def test_the_mark_follows_what_is_committed_alone(services: Services) -> None:
    ada = services.person()
    before = read_mark(services.session)
    services.audit.record(ada, Action.SAW, Subject.STUDY, "key")
    services.session.rollback()
    assert read_mark(services.session) == before
    services.audit.record(ada, Action.SAW, Subject.STUDY, "key")
    services.session.commit()
    after = read_mark(services.session)
    assert before is not None and after is not None
    assert after.end.entries == before.end.entries + 1
