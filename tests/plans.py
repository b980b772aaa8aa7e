"""What a database does for a page: its statements, their plans, and the rows it touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

Statement = tuple[str, Any]


def statements(over: Engine | Session, action: Callable[[], object]) -> list[Statement]:
    """Give the statements, with their values, that an action sends to the database."""
    seen: list[Statement] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        seen.append((statement, values))

    engine = over if isinstance(over, Engine) else over.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return seen


def explained(session: Session, statement: Statement) -> str:
    """Give a statement's plan, on one line."""
    explain = "EXPLAIN" if is_maria(session) else "EXPLAIN QUERY PLAN"
    return " | ".join(" ".join(map(str, row)) for row in run(session, (f"{explain} {statement[0]}", statement[1])))


def run(session: Session, statement: Statement) -> list[Any]:
    """Give a statement's rows."""
    return list(session.connection().exec_driver_sql(*statement))


def rows_read(session: Session, action: Callable[[], object]) -> int:
    """Count the rows, of indexes and tables, that MariaDB reads for an action."""
    session.execute(text("FLUSH STATUS"))
    action()
    counts = session.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return sum(int(count) for _name, count in counts)


def steps_taken(session: Session, action: Callable[[], object]) -> int:
    """Count the instructions of its virtual machine, to the nearest hundred, that SQLite needs for an action."""
    hundreds: list[None] = []
    connection: Any = session.connection().connection.driver_connection
    connection.set_progress_handler(lambda: hundreds.append(None), 100)  # None lets it go on
    action()
    connection.set_progress_handler(None, 0)
    return 100 * len(hundreds)


def is_maria(session: Session) -> bool:
    """Say whether a session's database is MariaDB."""
    return session.get_bind().dialect.name == "mysql"
