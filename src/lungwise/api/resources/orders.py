"""Orders by the API: list, look, place, cancel."""

from __future__ import annotations

from lungwise.access import Right
from lungwise.accounts.tokens import Scope
from lungwise.api import order_schemas as schemas
from lungwise.api.framework.operations import Operations
from lungwise.api.framework.paging import decode_cursor, encode_cursor
from lungwise.api.idempotent_requests import once
from lungwise.api.resources.representations import order_of
from lungwise.api.services import services
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response
from lungwise.inputs import row_number
from lungwise.orders.order import OrderRequest, OrderStatus, OrderUrgency, OrderWay, PlacerNumber, Procedure
from lungwise.orders.service import PAGE, Order, OrderFilter
from lungwise.patients.service import Patient, PatientFacts
from lungwise.webkit.current_person import person

orders = Operations()
_LIST = "orders"


@orders.get("/orders", schemas.OrderPage, right=Right.SEE_ALL, query=schemas.OrderQuery)
def list_orders(query: schemas.OrderQuery) -> schemas.OrderPage:
    """List the clinic's orders, the newest first.

    Words of a patient and numbers of orders do not belong into an address: search for them by POST /orders/search.
    """
    return _page(query)


@orders.post("/orders/search", schemas.OrderPage, right=Right.SEE_ALL, body=schemas.OrderSearch)
def search_orders(body: schemas.OrderSearch) -> schemas.OrderPage:
    """Search the clinic's orders by accession number, or by beginnings of words of names and identifiers."""
    audit_search_after_response(Action.SEARCHED, Subject.ORDER, body.text or body.accession)
    return _page(body, body.text, body.accession)


@orders.post(
    "/orders",
    schemas.Order,
    201,
    scope=Scope.UPLOAD,
    right=Right.SEE_ALL,
    body=schemas.OrderIn,
    names_key=True,
)
def place_order(body: schemas.OrderIn) -> schemas.Order:
    """Order films of a patient. The order stands in the modality worklist until it is done or cancelled.

    The same placer's number, like the same idempotency key, places nothing twice. An accession number that another
    order has is refused, and so is a placer's number whose order is of another patient.
    """
    asked = _asked(body)
    key = once(
        [body.model_dump_json()],
        lambda: services().orders.place(person(), _whose(body), asked, OrderWay.API).order.key,
    )
    return _one(services().orders.get(person(), key))


@orders.get("/orders/<key:key>", schemas.Order, right=Right.SEE_ALL)
def get_order(key: str) -> schemas.Order:
    """Get an order, and the key of the study that answers it."""
    found = services().orders.get(person(), key)
    audit_after_response(Action.SAW, Subject.ORDER, key)
    return _one(found)


@orders.post("/orders/<key:key>/cancel", schemas.Order, scope=Scope.UPLOAD, right=Right.SEE_ALL)
def cancel_order(key: str) -> schemas.Order:
    """Cancel an order whose films were not taken yet; one that is cancelled stays so."""
    services().orders.get(person(), key)
    once([], lambda: services().orders.cancel(person(), key).key)
    return _one(services().orders.get(person(), key))


def _asked(body: schemas.OrderIn) -> OrderRequest:
    procedure = body.procedure or schemas.ProcedureIn()
    return OrderRequest(
        placer=PlacerNumber(number=body.placer.number, namespace=_plain(body.placer.namespace))
        if body.placer
        else None,
        accession=body.accession,
        procedure=Procedure(**{name: _plain(text) for name, text in procedure.model_dump().items()}),
        reason="\n".join(map(_plain, body.reason.split("\n"))),
        modality=body.modality,
        station=_plain(body.station),
        scheduled_at=body.scheduled_at,
        referring_physician=_plain(body.referring_physician),
        ordered_by=_plain(body.ordered_by),
        urgency=OrderUrgency(body.urgency),
    )


def _plain(text: str) -> str:
    """Write a blank for what no page and no X-ray machine can show: other kinds of blanks, and invisible marks."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _whose(body: schemas.OrderIn) -> Patient | PatientFacts:
    if body.facts is None:
        return services().patients.get(person(), body.patient or "")
    return services().patients.rules.stated(PatientFacts.typed(body.facts.model_dump()))


def _one(order: Order) -> schemas.Order:
    return order_of(order, services().patients.by_ids(person(), [order.patient_id])[order.patient_id])


def _page(wanted: schemas.OrderQuery | schemas.OrderSearch, text: str = "", accession: str = "") -> schemas.OrderPage:
    chosen = OrderFilter(
        statuses=(OrderStatus(wanted.status),) if wanted.status else (),
        text=text,
        patient=wanted.patient,
        accession=accession.strip(),
        since=wanted.since,
        until=wanted.until,
        zone=services().clinic_settings.zone,
    )
    found = services().orders.page(person(), chosen, row_number(decode_cursor(_LIST, wanted.cursor)))
    patients = services().patients.by_ids(person(), {order.patient_id for order in found})
    items = [order_of(order, patients[order.patient_id]) for order in found if order.patient_id in patients]
    return schemas.OrderPage(items=items, next=encode_cursor(_LIST, str(found[-1].id)) if len(found) == PAGE else None)
