"""How what an order says is called: message ids for gettext."""

from __future__ import annotations

from typing import Final

from lungwise.films.refusals import N_
from lungwise.orders.order import OrderStatus, OrderUrgency, OrderWay

ORDER_STATUSES: Final = {
    OrderStatus.REQUESTED: N_("Requested"),
    OrderStatus.IN_PROGRESS: N_("In progress"),
    OrderStatus.DONE: N_("Done"),
    OrderStatus.CANCELLED: N_("Cancelled"),
}
URGENCIES: Final = {
    OrderUrgency.ROUTINE: N_("Routine"),
    OrderUrgency.URGENT: N_("Urgent"),
    OrderUrgency.STAT: N_("Immediate"),
}
WAYS: Final = {
    OrderWay.PAGE: N_("On a page"),
    OrderWay.API: N_("By the API"),
    OrderWay.HL7: N_("By HL7"),
    OrderWay.FHIR: N_("By FHIR"),
}
MODALITY_NAMES: Final = {
    "DX": N_("Digital X-ray (DX)"),
    "CR": N_("Imaging plate (CR)"),
    "RG": N_("X-ray film (RG)"),
    "XC": N_("Photograph (XC)"),
}
