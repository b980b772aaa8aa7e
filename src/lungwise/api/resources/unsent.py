"""What is not sent to the archives, by the API."""

from __future__ import annotations

from lungwise.access import Right
from lungwise.api import unsent_schemas as schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.framework.paging import decode_cursor, encode_cursor
from lungwise.api.services import services
from lungwise.inputs import row_number
from lungwise.webkit.current_person import person

unsent = Operations()
_LIST, _PAGE = "unsent", 200


@unsent.get("/unsent", schemas.UnsentPage, right=Right.SEE_ALL, query=schemas.UnsentQuery)
def list_unsent(query: schemas.UnsentQuery) -> schemas.UnsentPage:
    """List the clinic's results that wait for an archive or were given up, the oldest first. It changes nothing."""
    after = row_number(decode_cursor(_LIST, query.cursor)) or 0
    found = services().unsent.of_clinic(person(), after, _PAGE)
    is_full = sum(not line.withdrawal for line in found) == _PAGE
    following = encode_cursor(_LIST, str(found[-1].number)) if is_full else None
    items = [
        schemas.UnsentResult(
            study=line.study,
            archive=line.archive,
            state=line.state.value,
            attempts=line.attempts,
            error=line.error,
            since=line.since,
            next_try=line.next_try,
            withdrawal=line.withdrawal,
        )
        for line in found
    ]
    return schemas.UnsentPage(items=items, next=following)
