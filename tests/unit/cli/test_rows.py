from __future__ import annotations

import json

import pytest

from lungwise.cli.rows import print_rows

ROWS = [{"email": "ada@example.org", "name": "Béla"}, {"email": "bob@example.org", "name": "Bob"}]


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, as_json=False)
    printed = capsys.readouterr().out
    assert all(text in printed for row in (*ROWS, {"name": "email"}) for text in row.values())


def test_programs_get_an_object_in_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(ROWS, as_json=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_nothing_is_cut_where_another_program_reads(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{f"column {n}": "x" * 60 for n in range(4)}], as_json=False)
    assert capsys.readouterr().out.count("x" * 60) == 4


def test_without_rows_it_is_said_that_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], as_json=False)
    assert capsys.readouterr().out == "There are none.\n"
    print_rows([], as_json=True)
    assert capsys.readouterr().out == ""
