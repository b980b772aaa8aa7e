"""The forms of orders."""

from __future__ import annotations

from datetime import tzinfo

from flask_babel import lazy_gettext as _
from wtforms import (
    DateTimeLocalField,
    Form,
    SearchField,
    SelectChoice,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import Length, Optional

from lungwise.orders.labels import MODALITY_NAMES, ORDER_STATUSES, URGENCIES
from lungwise.orders.order import (
    MOST_ACCESSION,
    MOST_DESCRIPTION,
    MOST_REASON,
    MOST_STATION,
    OrderRequest,
    OrderStatus,
    OrderUrgency,
    Procedure,
)
from lungwise.orders.service import OrderFilter
from lungwise.patients.forms import one_line
from lungwise.webkit.forms import LogsRejection, PageForm


class OrderForm(PageForm):
    """Order films of a patient."""

    reason = TextAreaField(
        _("Reason, and what is known"), [Length(max=MOST_REASON)], render_kw={"rows": 3, "maxlength": MOST_REASON}
    )
    description = StringField(_("Procedure"), [Length(max=MOST_DESCRIPTION), one_line], default="Chest X-ray")
    urgency = SelectField(_("Urgency"), choices=[SelectChoice(one.value, _(name)) for one, name in URGENCIES.items()])
    modality = SelectField(_("Modality"), choices=[SelectChoice(one, _(name)) for one, name in MODALITY_NAMES.items()])
    scheduled_at = DateTimeLocalField(
        _("When"),
        [Optional()],
        description=_("If it is empty, the films are wanted now."),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    referring_physician = StringField(_("Referring physician"), [Length(max=MOST_DESCRIPTION), one_line])
    station = StringField(
        _("AE title of the X-ray machine"),
        [Length(max=MOST_STATION), one_line],
        description=_("Leave it empty for any machine."),
        render_kw={"autocapitalize": "characters", "spellcheck": "false"},
    )
    accession = StringField(
        _("Accession number"),
        [Length(max=MOST_ACCESSION), one_line],
        description=_("Leave it empty, and the order gets one."),
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )
    submit = SubmitField(_("Order films"))

    def asked(self, zone: tzinfo) -> OrderRequest:
        """Return the fields as what is asked for; the time is that of a time zone."""
        at = self.scheduled_at.data
        return OrderRequest(
            accession=self.accession.data or "",
            procedure=Procedure(description=self.description.data or ""),
            reason=self.reason.data or "",
            modality=self.modality.data,
            station=self.station.data or "",
            scheduled_at=at.replace(tzinfo=zone) if at else None,
            referring_physician=self.referring_physician.data or "",
            urgency=OrderUrgency(self.urgency.data),
        )


class OrderFilterForm(LogsRejection, Form):
    """Which orders are listed."""

    text = SearchField(_("Patient name or number"), [Length(max=100)], render_kw={"autocomplete": "off"})
    status = SelectField(
        _("Status"),
        choices=[SelectChoice("", _("All")), *(SelectChoice(one.value, _(n)) for one, n in ORDER_STATUSES.items())],
        default="",
    )

    def chosen(self) -> OrderFilter:
        """Return what is chosen."""
        statuses = (OrderStatus(self.status.data),) if self.status.data else ()
        return OrderFilter(statuses=statuses, text=self.text.data or "")


class CancelForm(PageForm):
    """Cancel an order."""

    submit = SubmitField(_("Cancel this order"))
