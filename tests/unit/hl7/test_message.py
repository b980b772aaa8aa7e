from __future__ import annotations

from datetime import date

import hl7apy.core
import pytest
from hl7apy.parser import parse_message as parse_elsewhere
from hypothesis import given
from hypothesis import strategies as st

from hl7_peer import mrg, openemr, openmrs, pid
from lungwise.hl7.acknowledgement import Answer, acknowledgement
from lungwise.hl7.message import MOST_BYTES, MessageError, message_of, parse_header, parse_message, part_of
from lungwise.hl7.stated_patient import merged_of, patient_of
from lungwise.hl7.text import Separators
from lungwise.patients.identity import IdentityRules, PatientFacts
from lungwise.settings.checks import HL7_CHARACTER_SETS
from lungwise.store import utc_now

UTF_8 = "UNICODE UTF-8"
RULES = IdentityRules.of(["Hill"], ["UNKNOWN", "0"])


def facts(segment: str) -> PatientFacts:
    return patient_of(parse_message(openmrs("A08", segment), UTF_8).first("PID"), RULES).facts


def test_a_patient_is_read_from_systems_of_either_manner() -> None:
    assert facts(pid()) == PatientFacts(
        identifier="100-8", issuer="OpenMRS ID", name="Kamau Grace Wanjiru", birth_date=date(1981, 3, 25), sex="F"
    )
    emr = parse_message(openemr("A04", "PID|1|77|||Núñez^José||19700101|Male", code="ADT"), UTF_8)
    assert patient_of(emr.first("PID"), RULES).facts == PatientFacts(
        identifier="77", name="Núñez José", birth_date=date(1970, 1, 1), sex="M"
    )
    merge = parse_message(openmrs("A40", pid(), mrg("99", "Kamau^Grace")), UTF_8)
    assert merged_of(merge.first("MRG"), RULES).facts == PatientFacts(
        identifier="99", issuer="OpenMRS ID", name="Kamau Grace"
    )


def test_of_several_identifiers_and_names_the_own_and_the_legal_one_count() -> None:
    many = "PID|||5^^^Town^SS~7^^^Town^MR~9^^^Hill^PI||Alias^A^^^^^A~山田^太郎^^^^^L^I~Yamada^Tarou^^^^^L^A"
    assert facts(many) == PatientFacts(identifier="9", issuer="Hill", name="Yamada Tarou", ideographic="山田 太郎")
    assert facts("PID|||5^^^^SS~7^^^&1.2.3&ISO^MR").issuer == "1.2.3"
    with pytest.raises(MessageError, match="PID-3 has no identifier"):
        facts("PID|||UNKNOWN||Kamau")


def test_null_says_that_there_is_nothing_and_an_empty_field_says_nothing() -> None:
    said = patient_of(parse_message(openmrs("A08", 'PID|||1||K^G||""|'), UTF_8).first("PID"), RULES)
    assert said.cleared == {"birth_date"}


@pytest.mark.parametrize(("name", "codec"), HL7_CHARACTER_SETS.items())
def test_each_character_set_is_read(name: str, codec: str) -> None:
    word = {"ascii": "Kamau", "iso8859-5": "Иванов", "iso8859-6": "سمية", "iso8859-7": "Σοφία", "iso8859-8": "שרה"}
    word |= {"shift_jis": "ﾔﾏﾀﾞ", "iso2022_jp": "山田", "iso2022_jp_2": "山田", "gb18030": "王小東", "euc_kr": "김희중"}
    word |= {"big5": "王小東", "utf-8": "सुनीता"}
    said = word.get(codec, "Ka")
    data = f"MSH|^~\\&|A|B|||1||ADT^A08|1|P|2.5||||||{name}\rPID|||1||{said}".encode(codec)
    assert patient_of(parse_message(data, UTF_8).first("PID"), RULES).facts.name == said


JAPANESE = "愈傅京僚俑山田"
"""Among their bytes in JIS are all letters that part a message."""


def in_character_sets(names: str, text: bytes, facility: bytes = b"B") -> bytes:
    head = b"MSH|^~\\&|A|" + facility + b"|||1||ADT^A08|1|P|2.5||||||" + names.encode()
    return head + b"\rPID|||1||Yamada^Tarou^^^^^L^A~" + text + b"\r"


@pytest.mark.parametrize(
    "names",
    [
        "ISO IR87",
        "~ISO IR87",
        "ASCII~ISO IR87",
        "ISO IR6~ISO IR87",
        "ISO IR14~ISO IR87",
        "~ISO IR159~ISO IR87",
        "~ISO IR87~",
    ],
)
def test_a_character_set_that_escape_sequences_lead_to_is_read(names: str) -> None:
    kanji = JAPANESE.encode("iso2022_jp")
    message = parse_message(in_character_sets(names, kanji + b"^" + kanji + b"^^^^^L^I", kanji), UTF_8)
    said = patient_of(message.first("PID"), RULES).facts
    assert (said.name, said.ideographic) == ("Yamada Tarou", f"{JAPANESE} {JAPANESE}")
    assert parse_header(in_character_sets(names, kanji, kanji)).facility == JAPANESE == message.header.facility


@given(st.text(st.characters(codec="iso2022_jp", min_codepoint=0x3000), min_size=1, max_size=9).filter(str.isprintable))
def test_any_japanese_word_comes_through(word: str) -> None:
    data = in_character_sets("ASCII~ISO IR87", word.encode("iso2022_jp") + b"^^^^^^L^I")
    _legal, name = parse_message(data, UTF_8).first("PID").repetitions(5)
    assert (part_of(name, 1), part_of(name, 8)) == (word, "I")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("ASCII~KLINGON", b"Kamau"),
        ("UNICODE UTF-8", "山田".encode("iso2022_jp")),
        ("ASCII", "山田".encode("iso2022_jp")),
        ("ASCII~8859/1", "山田".encode("iso2022_jp")),
        ("ASCII~ISO IR87", b"\x1b.A\x1bNfller"),
        ("ASCII", rb"\X1B2442\;3ED\X1B2842\ "),
        ("ASCII~ISO IR87", rb"\M2442\;3ED\C2842\ "),
    ],
)
def test_text_in_a_character_set_that_is_not_read_is_refused(names: str, text: bytes) -> None:
    with pytest.raises(MessageError, match="character set"):
        parse_message(in_character_sets(names, text), UTF_8)


def test_text_without_escape_sequences_is_in_the_first_character_set() -> None:
    data = in_character_sets("ISO IR14~ISO IR87", "ﾔﾏﾀﾞ^ﾀﾛｳ^^^^^L^P".encode("shift_jis"))
    assert patient_of(parse_message(data, UTF_8).first("PID"), RULES).facts.phonetic == "ﾔﾏﾀﾞ ﾀﾛｳ"
    hexadecimal = in_character_sets("ASCII~ISO IR87", rb"\X1B24423B3345441B2842\^^^^^^L^I")
    assert patient_of(parse_message(hexadecimal, UTF_8).first("PID"), RULES).facts.ideographic == "山田"


@pytest.mark.parametrize(("names", "default"), [("8859/1", UTF_8), ("", "8859/1")])
def test_a_message_that_was_kept_says_the_same_as_when_it_came(names: str, default: str) -> None:
    came = parse_message(in_character_sets(names, rb"M\XFC\ller^^^^^^L^I"), default)
    kept = message_of(came.text, default)
    assert [patient_of(one.first("PID"), RULES).facts.ideographic for one in (came, kept)] == ["Müller", "Müller"]


def test_texts_that_are_not_in_the_character_set_are_refused_rather_than_guessed() -> None:
    plain = b"MSH|^~\\&|A|B|||1||ADT^A08|1|P|2.5\rPID|||1||N\xfa\xf1ez"
    with pytest.raises(MessageError, match="not in the character set"):
        parse_message(plain, UTF_8)
    assert patient_of(parse_message(plain, "8859/1").first("PID"), RULES).facts.name == "Núñez"
    with pytest.raises(MessageError, match="MSH-18 is not one that is read"):
        parse_message(plain.replace(b"|2.5", b"|2.5||||||KLINGON"), UTF_8)


def test_escapes_are_read_and_written() -> None:
    letters = Separators()
    assert letters.unescape(r"a\F\b\S\c\T\d\R\e\E\f") == "a|b^c&d~e\\f"
    assert letters.unescape(r"Bart\XC3B3\k\H\!\N\\Zx\\.br\end") == "Bartók!\nend"
    assert letters.unescape(r"lone \ stays") == r"lone \ stays"
    assert letters.unescape(r"\.sp999999999\x") == "\nx"  # not a billion lines


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ")))
def test_what_is_escaped_comes_back(text: str) -> None:
    letters = Separators()
    escaped = letters.escaped(text)
    assert not set("|^~&") & set(escaped)
    assert letters.unescape(escaped) == text


def test_only_used_segments_are_kept_and_they_are_bounded() -> None:
    message = parse_message(
        openmrs("A08", pid(), "NK1|1|Kamau^Peter", "IN1|1|secret", "OBX|1|ED|" + "x" * 90000), UTF_8
    )
    assert [segment.name for segment in message.segments] == ["MSH", "PID"]
    assert "secret" not in message.text
    with pytest.raises(MessageError, match="too long"):
        parse_message(openmrs("A08", pid(), "NTE|1||" + "x" * MOST_BYTES), UTF_8)
    with pytest.raises(MessageError, match="several messages"):
        parse_message(openmrs("A08", pid()) + openmrs("A08", pid()), UTF_8)


def test_a_message_that_is_sent_again_later_is_the_same() -> None:
    first, again, other = (
        parse_message(data, UTF_8).content
        for data in (openmrs("A08", pid()), openmrs("A08", pid(), sent="20270101"), openmrs("A08", pid(sex="O")))
    )
    assert first == again != other


ODD = st.binary(max_size=300) | st.builds(
    lambda separators, parts: b"MSH" + separators + b"|".join(parts),
    st.binary(max_size=8) | st.just(b"|^~\\&|"),
    st.lists(
        st.binary(max_size=12)
        | st.sampled_from(
            [b"\rPID", b"\rMRG|", b"~^&\\X4\\", b'""', b"A^B~C&D", b"ADT^A08", b"1", b"P", b"2.5", b"\r\n"]
        ),
        max_size=40,
    ),
)


@given(ODD)
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        message = parse_message(data, UTF_8)
        patient_of(message.first("PID"), RULES)
        merged_of(message.first("MRG"), RULES)
    except MessageError:
        return


@given(st.data())
def test_any_answer_is_one_that_the_other_library_reads(data: st.DataObject) -> None:
    text = data.draw(st.text(max_size=30).filter(lambda one: one.strip()))
    header = parse_header(openmrs("A08", pid(), control="c-1"))
    said = acknowledgement(header, data.draw(st.sampled_from(Answer)), text, utc_now()).decode("ascii")
    read = parse_elsewhere(said)
    assert isinstance(read, hl7apy.core.Message)
    assert read.msa.msa_2.value == "c-1"
