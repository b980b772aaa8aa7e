from lungwise.monitoring.agreement import Agreement
from lungwise.monitoring.statistics import Share


def test_a_line_of_all_doctors_comes_before_those_of_each() -> None:
    lines = [Agreement(doctor=name, model="m 1", share=Share(count=1, total=2)) for name in ("Ada", "")]
    assert sorted(line.doctor for line in lines)[0] == ""
