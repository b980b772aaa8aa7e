from lungwise.api.aggregate_schemas import AggregateQuery, WeekCounts
from lungwise.inputs import MOST_WEEKS
from lungwise.monitoring.aggregates import COUNTS


def test_a_week_has_every_count_and_a_query_is_bounded() -> None:
    assert set(WeekCounts.model_fields) == {"begins", "period", *COUNTS}
    assert AggregateQuery().weeks <= MOST_WEEKS
