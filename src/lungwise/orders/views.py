"""The pages of orders."""

from __future__ import annotations

from datetime import tzinfo
from typing import Protocol

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from lungwise.access import Person, Right
from lungwise.audit.actions import Action, Subject
from lungwise.audit.after_response import audit_after_response, audit_search_after_response, audit_sight_after_response
from lungwise.clinics.clinic_settings import ClinicSettings
from lungwise.inputs import row_number
from lungwise.orders.forms import CancelForm, OrderFilterForm, OrderForm
from lungwise.orders.order import OrderRequest
from lungwise.orders.service import PAGE, Order, Orders
from lungwise.patients.service import Patient, Patients
from lungwise.webkit.current_person import person
from lungwise.webkit.forms import attempt
from lungwise.webkit.hidden_words import hidden, legible
from lungwise.webkit.request_services import RequestServices
from lungwise.webkit.submit_once import once

bp = Blueprint("orders", __name__)
Answer = str | Response


class OrderServices(Protocol):
    """What the pages of orders use in a request."""

    orders: Orders
    patients: Patients

    @property
    def clinic_settings(self) -> ClinicSettings:
        """How the clinic is set."""


services = RequestServices[OrderServices]("orders")


@bp.post("/orders")
def find() -> Answer:
    """Go to the orders that a filter chooses: an address that the browser can come back to, without the text."""
    person().need(Right.SEE_ALL)
    form = OrderFilterForm(request.form)
    if not form.validate():
        return render_template("orders/list.html", form=form, found=[], words="", after="")
    words = hidden(form.text.data or "")
    return redirect(url_for("orders.show_all", words=words or None, status=form.status.data or None), 303)


@bp.get("/orders")
def show_all() -> Answer:
    """List the clinic's orders, the newest first."""
    person().need(Right.SEE_ALL)
    words = request.args.get("words", "")
    form = OrderFilterForm(MultiDict({"text": legible(words), "status": request.args.get("status", "")}))
    found = _found(form, row_number(request.args.get("after")))
    if form.text.data:
        audit_search_after_response(Action.SEARCHED, Subject.ORDER, form.text.data)
    after = str(found[-1].id) if len(found) == PAGE else ""
    patients = services().patients.by_ids(person(), {order.patient_id for order in found})
    listed = [(order, patients[order.patient_id]) for order in found if order.patient_id in patients]
    return render_template("orders/list.html", form=form, found=listed, words=words, after=after)


@bp.route("/patients/<key>/order", methods=["GET", "POST"])
def place(key: str) -> Answer:
    """Order films of a patient."""
    _need_to_order(person())
    patient = services().patients.get(person(), key)
    audit_sight_after_response(Subject.PATIENT, key)
    form = OrderForm()
    if form.validate_on_submit():
        asked = form.asked(_zone())
        placed = attempt(form, lambda: once([repr(asked)], lambda: _placed(patient, asked)))
        if placed:
            flash(gettext("The films are ordered."))
            return redirect(url_for("orders.show", key=placed))
    return render_template("orders/new.html", form=form, patient=patient)


@bp.get("/orders/<key>")
def show(key: str) -> Answer:
    """Show an order."""
    return _page(key, CancelForm())


@bp.post("/orders/<key>/cancel")
def cancel(key: str) -> Answer:
    """Cancel an order."""
    _need_to_order(person())
    services().orders.get(person(), key)
    form = CancelForm()
    if form.validate_on_submit() and attempt(form, lambda: services().orders.cancel(person(), key)):
        flash(gettext("The order is cancelled."))
        return redirect(url_for("orders.show", key=key))
    return _page(key, form)


def _placed(patient: Patient, asked: OrderRequest) -> str:
    return services().orders.place_from_page(person(), patient, asked).order.key


def _need_to_order(who: Person) -> None:
    who.need(Right.SEE_ALL)
    who.need(Right.UPLOAD)


def _found(form: OrderFilterForm, after: int | None) -> list[Order]:
    return services().orders.page(person(), form.chosen(), after) if form.validate() else []


def _page(key: str, form: CancelForm) -> str:
    order = services().orders.get(person(), key)
    patient = _patient(order)
    audit_after_response(Action.SAW, Subject.ORDER, key)
    return render_template("orders/show.html", order=order, patient=patient, form=form)


def _patient(order: Order) -> Patient:
    return services().patients.by_ids(person(), [order.patient_id])[order.patient_id]


def _zone() -> tzinfo:
    return services().clinic_settings.zone
