"""What a database does for a page: its statements, their plans, and the rows it touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

if TYPE_CHECKING:
    from conftest import Services

Statement = tuple[str, Any]


def statements(services: Services, action: Callable[[], object]) -> list[Statement]:
    """Give the statements, with their values, that an action sends to the database."""
    seen: list[Statement] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        seen.append((statement, values))

    engine = services.session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return seen


def explained(services: Services, statement: Statement) -> str:
    """Give a statement's plan, on one line."""
    maria = services.session.get_bind().dialect.name == "mysql"
    cursor = services.session.connection().exec_driver_sql(
        f"{'EXPLAIN' if maria else 'EXPLAIN QUERY PLAN'} {statement[0]}", statement[1]
    )
    return " | ".join(" ".join(map(str, row)) for row in cursor)


def rows_read(services: Services, action: Callable[[], object]) -> int:
    """Count the rows, of indexes and tables, that MariaDB reads for an action."""
    services.session.execute(text("FLUSH STATUS"))
    action()
    counts = services.session.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(count) for _name, count in counts)
