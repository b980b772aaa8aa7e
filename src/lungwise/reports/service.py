"""Puts a study's report together from its patient, readings and opinions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from PIL import Image

from lungwise.access import Person, Right
from lungwise.accounts.labels import ROLES
from lungwise.clinics.service import ClinicChoices, ClinicSettings
from lungwise.errors import Contradiction
from lungwise.films import Refusal
from lungwise.films.dicom.text import without_carets
from lungwise.films.refusals import CHILD, N_, Words, refusal_sentence, warning_sentence
from lungwise.orders.service import Order
from lungwise.patients.identity import PatientFacts
from lungwise.patients.labels import SEXES
from lungwise.patients.service import Patient
from lungwise.reading.artefact import shipped_card
from lungwise.reading.prevalence import PredictiveValue
from lungwise.reports.pdf import report_pdf
from lungwise.reports.report import FilmReport, OpinionReport, Report, texts
from lungwise.reports.typesetting.typefaces import Typefaces
from lungwise.settings import Settings
from lungwise.studies.answers import StudyAnswer
from lungwise.studies.clinical_details import ClinicalDetails
from lungwise.studies.diagnosis import Diagnosis
from lungwise.studies.extent_changes import ExtentChange
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.first_day import first_day
from lungwise.studies.headlines import Headlines
from lungwise.studies.labels import (
    AGREEMENT,
    CONCLUSIONS,
    FINDINGS,
    LIMITS,
    REASONS,
    RESULTS,
    SYMPTOMS,
    TESTS,
)
from lungwise.studies.numbers import percent
from lungwise.studies.outdated_opinions import is_outdated, newest_conclusion, written_before
from lungwise.studies.pictures import picture, with_heat
from lungwise.studies.reference_tests import Reason, ReferenceTest, result_from
from lungwise.studies.service import FilmRecord, Opinion, ReadingRecord, ReferenceResult, Studies, Study, StudyOrders
from lungwise.studies.stored_answers import study_answer
from lungwise.studies.uncertainty_range import right_share, thresholds_of
from lungwise.studies.wording import (
    change_sentence,
    extent_sentence,
    own_thresholds_sentence,
    predictive_value,
    probability_beside,
    uncertain_between,
)
from lungwise.text_direction import isolated
from lungwise.time_zones import day_in, local_text

_UNWRITABLE = N_(
    "There is no PDF: no font on this computer has these characters: %(letters)s. Print this page instead, "
    "or ask your administrator for a font that has them (setting report_font)."
)
_NAMES_OTHER = N_(
    "Identity unclear: this study names the order %(number)s, which is another patient's. "
    "It does not answer that order. Make sure whose films these are."
)
_PICTURE_SIDE = 700
"""Pixels of the longer side of a picture in a PDF."""


class Reports:
    """Makes the reports of studies.

    Parameters
    ----------
    words
        Translates a message id into the reader's language.
    clinic
        How the clinic of the studies is set; without it, as the installation is.
    """

    def __init__(
        self, studies: Studies, words: Words, settings: Settings, clinic: ClinicSettings | None = None
    ) -> None:
        self._studies = studies
        self._words = words
        self._typefaces = Typefaces(settings.report_font)
        self._clinic = clinic or ClinicSettings.of(ClinicChoices(name=""), settings)
        self._predictive_value = PredictiveValue(shipped_card(), self._clinic.prevalence)

    def day_of(self, moment: datetime) -> date:
        """Return a moment's day where the clinic stands."""
        return day_in(self._clinic.zone, moment)

    def of(self, person: Person, key: str, clinic: str, words: Words | None = None) -> Report:
        """Make the report of a study of a clinic, in the reader's language or in that of `words`."""
        person.need(Right.EXPORT)
        return self._made(person, key, clinic, words or self._words)

    def has_pdf(self, study: Study, patient: Patient, clinic: str) -> bool:
        """Return whether the fonts have the letters of all that people wrote of a study and its patient."""
        facts = (patient.identifier, patient.issuer, *patient.facts.names)
        said = (text for one in study.opinions for text in (one.author_name, one.other, one.note))
        written = (clinic, *self._clinic.letterhead, *facts, study.clinical.other, *said)
        return not self._typefaces.lacking("".join(filter(None, written)))

    def _made(self, person: Person, key: str, clinic: str, words: Words) -> Report:
        study = self._studies.get(person, key)
        patient = self._studies.patient(person, study)
        headers = differing_headers(study, patient, self._studies.data)
        changes = self._studies.extent_changes(person, study, patient)
        ordered = self._studies.ordered(study)
        answer = study_answer(study, patient, self._clinic.zone, is_doubted=bool(ordered.of_others))
        author = _Author(words, self._predictive_value, answer, self._clinic, changes)
        return author.report(clinic, study, patient, headers, ordered)

    def pdf(self, person: Person, key: str, clinic: str) -> bytes:
        """Write the report of a study as PDF.

        Raises
        ------
        Contradiction
            If no font has all its letters: what would be written is boxes.
        """
        report = self.of(person, key, clinic)
        if sentence := self.unwritable(report):
            raise Contradiction(sentence)
        pictures = [self.pictures(film.record) for film in report.films]
        return report_pdf(report, pictures, self._words, self._typefaces)

    def unwritable(self, report: Report) -> str:
        """Say why a report cannot be written as PDF; nothing where it can."""
        letters = self._typefaces.lacking("".join(texts(report)))
        return self._words(_UNWRITABLE) % {"letters": " ".join(letters)} if letters else ""

    def pictures(self, record: FilmRecord) -> list[Image.Image]:
        """Draw a film that was looked at, and its heat map where it was read."""
        if record.reading is None:
            return []
        try:
            film = self._studies.opened(record)
        except Refusal:
            return []
        turns, heat_map = record.quarter_turns, record.reading.heat_map
        plain = picture(film, _PICTURE_SIDE, turns)
        return [plain] if heat_map is None else [plain, with_heat(film, heat_map, _PICTURE_SIDE, turns)]


class _Author:
    """Writes a report's sentences in one language."""

    def __init__(
        self,
        words: Words,
        predictive_value: PredictiveValue,
        answer: StudyAnswer,
        clinic: ClinicSettings,
        changes: dict[str, ExtentChange],
    ) -> None:
        self._words = words
        self._clinic = clinic
        self._predictive_value = predictive_value
        self._answer = answer
        self._changes = changes
        self._headlines = Headlines(words, predictive_value)

    def report(
        self,
        clinic: str,
        study: Study,
        patient: Patient,
        headers: dict[int, PatientFacts],
        ordered: StudyOrders,
    ) -> Report:
        words, concluded = self._words, newest_conclusion(study)
        return Report(
            clinic=clinic,
            letterhead=self._clinic.letterhead,
            zone=self._clinic.zone,
            patient=patient,
            study=study,
            facts=self._facts(study, patient, ordered.answered),
            identity_warning=" ".join(self._doubts(patient, ordered.of_others)),
            ordered=ordered,
            headline=self._headlines.of(self._answer),
            films=tuple(self._film(index, study.films[index], headers) for index in self._order()),
            opinions=tuple(self._opinion(study, opinion) for opinion in study.opinions),
            tests=tuple(map(self._test, study.reference_results)),
            limits=words(LIMITS),
            changes=self._changes,
            conclusion_remark=written_before(words, study, concluded) if concluded else "",
        )

    def _doubts(self, patient: Patient, others: Sequence[Order]) -> Iterator[str]:
        if patient.is_unclear:
            yield self._words(N_("Identity unclear: this identifier also belongs to someone else."))
        for order in others:
            yield self._words(_NAMES_OTHER) % {"number": order.accession}

    def _facts(self, study: Study, patient: Patient, orders: Sequence[Order]) -> tuple[tuple[str, str], ...]:
        taken = first_day(study, study.films, self._clinic.zone)
        facts = {
            N_("Identifier"): patient.identifier,
            N_("Issuer of the identifier"): patient.issuer,
            N_("Name"): " · ".join(dict.fromkeys(patient.facts.names)),
            N_("Sex"): self._words(SEXES[patient.sex]) if patient.sex else "",
            N_("Birth date"): patient.birth_date.isoformat() if patient.birth_date else "",
            N_("Taken"): taken.isoformat() if taken else "",
            N_("Uploaded"): local_text(study.created_at, self._clinic.zone),
            N_("Accession number"): _each_once(film.accession for film in study.films),
            N_("Procedure"): _each_once(order.procedure.description for order in orders),
            N_("Referring physician"): _each_once(without_carets(order.referring_physician) for order in orders),
            N_("Ordered by"): _each_once(without_carets(order.ordered_by) for order in orders),
            N_("Study"): study.key,
            N_("Symptoms"): self._symptoms(study.clinical),
            N_("SpO2"): f"{study.clinical.spo2} %" if study.clinical.spo2 is not None else "",
        }
        return tuple((self._words(name), value) for name, value in facts.items() if value)

    def _symptoms(self, details: ClinicalDetails) -> str:
        named = ", ".join(self._words(SYMPTOMS[one]) for one in details.symptoms)
        return "; ".join(filter(None, (named, details.other)))

    def _test(self, found: ReferenceResult) -> tuple[str, str]:
        day = found.tested_on.isoformat() if found.tested_on else self._words(N_("date not known"))
        reason = self._words(REASONS[Reason(found.reason)]) if found.reason else ""
        said = (self._words(RESULTS[result_from(found.result)]), day, reason)
        return self._words(TESTS[ReferenceTest(found.kind)]), ", ".join(filter(None, said))

    def _order(self) -> list[int]:
        """Return the films' places, that of the film whose headline it is first."""
        first = self._answer.leading.number - 1 if self._answer.read else 0
        return sorted(range(len(self._answer.films)), key=lambda index: index != first)

    def _film(self, index: int, record: FilmRecord, headers: dict[int, PatientFacts]) -> FilmReport:
        reading, header, change = record.reading, headers.get(record.id), self._changes.get(record.key)
        return FilmReport(
            record=record,
            title=self._words(N_("Film %(n)s")) % {"n": index + 1},
            headline=self._headlines.of_film(self._answer.films[index], self._answer),
            header=self._header(header) if header else "",
            refusal=refusal_sentence(reading.refusal, self._words) if reading and reading.refusal else "",
            extent=extent_sentence(self._words, reading.extent) if reading and reading.extent else "",
            extent_change=change_sentence(self._words, change) if change else "",
            warnings=tuple(warning_sentence(code, self._words) for code in (reading and reading.warnings) or ()),
            **self._numbers(reading) if reading and reading.verdict else {},
        )

    def _header(self, header: PatientFacts) -> str:
        sex = self._words(SEXES[header.sex]) if header.sex else ""
        said = (header.identifier, header.issuer, *dict.fromkeys(header.names), sex, str(header.birth_date or ""))
        return self._words(N_("The film's own header says:")) + " " + ", ".join(map(isolated, filter(None, said))) + "."

    def _numbers(self, reading: ReadingRecord) -> dict[str, str]:
        """Write what is said of a film that was read."""
        findings = (f"{self._words(FINDINGS.get(name, name))} {percent(p)}" for name, p in reading.findings.items())
        return {
            "probability": probability_beside(reading.probability, thresholds_of(reading)),
            "findings": ", ".join(findings),
            "uncertainty_range": self._uncertainty_range(reading),
            "predictive_value": self._right_share(reading),
            "model": f"{reading.model} {reading.version}",
            "thresholds": own_thresholds_sentence(self._words, own) if (own := reading.own_thresholds) else "",
        }

    def _uncertainty_range(self, reading: ReadingRecord) -> str:
        thresholds = thresholds_of(reading)
        if thresholds is None or reading.probability is None:
            return ""
        return uncertain_between(self._words, thresholds, reading.probability)

    def _right_share(self, reading: ReadingRecord) -> str:
        if CHILD in self._answer.warnings:  # it was measured on adults
            return ""
        right = right_share(self._predictive_value, reading)
        return predictive_value(self._words, reading.verdict or "", self._predictive_value.prevalence, right)

    def _opinion(self, study: Study, opinion: Opinion) -> OpinionReport:
        words, said = self._words, []
        if opinion.agrees is not None:
            said.append(words(AGREEMENT[opinion.agrees, is_outdated(study, opinion)]))
        if opinion.conclusion:
            conclusion = opinion.other or words(CONCLUSIONS[Diagnosis(opinion.conclusion)])
            said.append(f"{words(N_('Conclusion'))}: {conclusion}")
        if remark := written_before(words, study, opinion):
            said.append(remark)
        return OpinionReport(
            author=f"{opinion.author_name}, {words(ROLES[opinion.author_role])}",
            time=local_text(opinion.created_at, self._clinic.zone),
            sentences=(*said, *([opinion.note] if opinion.note else ())),
        )


def _each_once(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, texts)))
