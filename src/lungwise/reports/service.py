"""What a report says of a study, put together from its readings and opinions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from lungwise.access import Person, Right
from lungwise.accounts.labels import ROLES
from lungwise.films import Refusal
from lungwise.films.refusals import N_, refusal_sentence, warning_sentence
from lungwise.patients.labels import SEXES
from lungwise.patients.service import Patient, PatientFacts
from lungwise.reports.pdf import FilmPart, ReportText, can_write
from lungwise.studies.film_headers import differing_headers
from lungwise.studies.labels import (
    FINDINGS,
    LIMITS,
    MEANINGS,
    SHORT,
    UNCERTAINTY_RANGE,
    VERDICTS,
    percent,
)
from lungwise.studies.pictures import picture, with_heat
from lungwise.studies.service import FilmRecord, Opinion, ReadingRecord, Studies, Study
from lungwise.studies.uncertainty_range import thresholds_of

Words = Callable[[str], str]
"""Translates a message id into the reader's language."""
_SIDE = 700


def writable(words: Words, font_file: Path | None) -> Words:
    """Translate, but not into a script that no font of this machine can put into a PDF."""
    return words if can_write(words(LIMITS), font_file) else str


class Reports:
    """Puts reports together, in one language that a PDF of this machine can write."""

    def __init__(self, studies: Studies, words: Words, font_file: Path | None) -> None:
        self._studies = studies
        self._words = writable(words, font_file)

    def of(self, person: Person, key: str, clinic: str) -> ReportText:
        """Put the report of a study of the person's clinic together."""
        person.need(Right.EXPORT)
        study = self._studies.get(person, key)
        say, patient = self._words, self._studies.patient(person, study)
        headers = differing_headers(study, patient, self._studies.data)
        return ReportText(
            title=say(N_("Chest X-ray report")),
            clinic=clinic,
            facts=self._facts(study, patient),
            verdict=say(VERDICTS[study.standing]),
            meaning=say(MEANINGS[study.standing]),
            films=[self._film(n, film, headers.get(film.id)) for n, film in enumerate(study.films, start=1)],
            opinions_title=say(N_("Opinions")),
            opinions=[self._opinion(opinion) for opinion in study.opinions],
            limits=say(LIMITS),
            signature=say(N_("Date, signature")),
        )

    def _facts(self, study: Study, patient: Patient) -> list[tuple[str, str]]:
        say = self._words
        facts = [
            (say(N_("Identifier")), patient.identifier),
            (say(N_("Issuer of the identifier")), patient.issuer),
            (say(N_("Name")), " · ".join(dict.fromkeys(patient.facts.names))),
            (say(N_("Sex")), say(SEXES[patient.sex]) if patient.sex else ""),
            (say(N_("Birth date")), patient.birth_date.isoformat() if patient.birth_date else ""),
            (say(N_("Uploaded")), study.created_at.strftime("%Y-%m-%d %H:%M UTC")),
            (say(N_("Study")), study.key),
        ]
        if patient.is_unclear:
            unclear = say(N_("Identity unclear: this identifier belongs to somebody else, too."))
            facts.append((say(N_("Warning")), unclear))
        return [(name, value) for name, value in facts if value]

    def _film(self, number: int, record: FilmRecord, header: PatientFacts | None) -> FilmPart:
        title = f"{self._words(N_('Film'))} {number}"
        lines = [(self._words(N_("In the film's header")), self._said(header))] if header else []
        reading = record.reading
        if reading is None:
            return FilmPart(title, [], [*lines, ("", self._words(VERDICTS["waiting"]))])
        return FilmPart(title, self._pictures(record, reading), [*lines, *self._lines(reading)])

    def _said(self, header: PatientFacts) -> str:
        """Write what a film's own header says of the patient, where that is not what the record says."""
        sex = self._words(SEXES[header.sex]) if header.sex else ""
        said = (header.identifier, header.issuer, *dict.fromkeys(header.names), sex, str(header.birth_date or ""))
        return ", ".join(one for one in said if one)

    def _pictures(self, record: FilmRecord, reading: ReadingRecord) -> list[Image.Image]:
        try:
            film = self._studies.opened(record)
        except Refusal:
            return []
        heat_map = reading.heat_map
        plain = picture(film, _SIDE)
        return [plain] if heat_map is None else [plain, with_heat(film, heat_map, _SIDE)]

    def _lines(self, reading: ReadingRecord) -> list[tuple[str, str]]:
        say = self._words
        if reading.verdict is None:
            why = refusal_sentence(reading.refusal, say) if reading.refusal else ""
            return [(say(VERDICTS["refused"]), why)]
        findings = ", ".join(f"{say(FINDINGS.get(name, name))} {percent(p)}" for name, p in reading.findings.items())
        return [
            (say(N_("Verdict")), say(VERDICTS[reading.verdict])),
            (say(N_("Probability")), percent(reading.probability) + self._band(reading)),
            (say(N_("Findings")), findings),
            *((say(N_("Warning")), warning_sentence(code, say)) for code in reading.warnings or []),
            (say(N_("Model")), f"{reading.model} {reading.version}"),
        ]

    def _band(self, reading: ReadingRecord) -> str:
        thresholds = thresholds_of(reading)
        if thresholds is None:
            return ""
        return ". " + self._words(UNCERTAINTY_RANGE) % {
            "lower": percent(thresholds.lower),
            "upper": percent(thresholds.upper),
        }

    def _opinion(self, opinion: Opinion) -> tuple[str, str]:
        say = self._words
        said = []
        if opinion.agrees is not None:
            said.append(say(N_("Agrees with the verdict")) if opinion.agrees else say(N_("Disagrees with the verdict")))
        if opinion.conclusion:
            said.append(f"{say(N_('Conclusion'))}: {say(SHORT[opinion.conclusion])}")
        if opinion.pcr:
            said.append(f"PCR: {say(SHORT[opinion.pcr])}")
        if opinion.note:
            said.append(opinion.note)
        who = f"{opinion.author_name}, {say(ROLES[opinion.author_role])}\n{opinion.created_at:%Y-%m-%d %H:%M UTC}"
        return who, "\n".join(said)
