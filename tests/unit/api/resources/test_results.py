from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "study;test;result;date;reason\n"


def send(program: Any, table: str, keep: str = "all", key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/reference-results?keep={keep}"
    return program.ask("POST", path, headers, data=table.encode("utf-16"), content_type="text/csv")


def test_a_table_is_kept_whole_or_not_at_all_and_a_bad_row_says_why(program: Any, film: Callable[..., bytes]) -> None:
    key = program.upload(film(1))["key"]
    good = f"{key};PCR;positive;2026-03-01;contact\n"
    bad = f"{key};Xpert;positive;31.02.2026;\nnothing;PCR;positive;2026-03-01;contact\n"
    refused = send(program, HEAD + good + bad)
    assert refused.status_code == 422
    assert [one["where"] for one in refused.json["errors"]] == ["line 3", "line 4"]
    assert "31.02.2026" in refused.json["errors"][0]["what"]
    looked = send(program, HEAD + good + bad, "none")
    assert (looked.status_code, looked.json["kept"]) == (200, 0)
    assert [bool(row["error"]) for row in looked.json["rows"]] == [False, True, True]
    assert program.get(f"/studies/{key}")["reference_results"] == []
    kept = send(program, HEAD + good + bad, "good", key="one")
    assert (kept.json["kept"], kept.json["rows"][0]["study"]) == (1, key)
    again = send(program, HEAD + good + bad, "good", key="one")
    assert again.json == {"kept": 1, "rows": []}
    assert send(program, HEAD + good, "good", key="one").status_code == 409
    assert len(program.get(f"/studies/{key}")["reference_results"]) == 1
    listed = program.ask("GET", "/reference-results.csv").text.splitlines()
    assert listed[1].startswith(f"{key},") and ",pcr,positive,2026-03-01,contact," in listed[1]


def test_what_is_no_table_is_refused_with_a_sentence(program: Any) -> None:
    headless = send(program, "a;b\n1;2\n")
    assert (headless.status_code, "first line must name" in headless.json["title"]) == (422, True)
    path = "/reference-results"
    assert program.ask("POST", path, data=b"{}", content_type="application/json").status_code == 415
    assert program.ask("POST", path, data=b"x" * 70_000, content_type="text/csv").status_code in (413, 422)
    assert program.ask("POST", f"{path}?keep=some", data=HEAD.encode(), content_type="text/csv").status_code == 422
