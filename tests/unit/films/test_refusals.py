from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import lungwise
from lungwise.films import Refusal
from lungwise.films.refusals import REFUSALS, UNKNOWN, WARNINGS, refusal_sentence, warning_sentence

SOURCE = Path(lungwise.__file__).parent


def calls() -> list[tuple[str, list[ast.expr]]]:
    """Every call of the program that makes a refusal, by the name it is called by."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(call.func.id, call.args) for call in found if isinstance(call.func, ast.Name) and call.args]


def texts(node: ast.expr) -> list[str]:
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_every_refusal_that_is_raised_is_in_the_catalogue() -> None:
    codes = {text for name, args in calls() if name == "Refusal" for text in texts(args[0])} - {"", "refusal"}
    details = {text for name, args in calls() if name == "damaged" for text in texts(args[0])}

    assert len(codes) > 10
    assert codes - set(REFUSALS) == set()
    assert {f"damaged/{detail}" for detail in details} - set(REFUSALS) == set()


def test_every_sentence_of_the_catalogue_is_said_somewhere() -> None:
    written = "".join(p.read_text(encoding="utf-8") for p in SOURCE.rglob("*.py") if p.name != "refusals.py")

    assert [code for code in REFUSALS if f'"{code.split("/")[-1]}"' not in written] == []


@pytest.mark.parametrize("entry", [UNKNOWN, *REFUSALS.values(), *WARNINGS.values()], ids=lambda one: one.sentence[:40])
def test_each_says_what_happened_and_what_to_do_in_sentences(entry: object) -> None:
    said = (getattr(entry, "sentence"), getattr(entry, "advice"))  # noqa: B009 - any entry

    assert all(re.fullmatch(r"[A-Z%].*\.", text) for text in said)
    assert not any(re.search(r"\([a-z-]+\)(?!s)|Error", text.replace("%(part)s", "")) for text in said)


def test_the_sentence_has_the_files_name_where_there_is_one() -> None:
    assert refusal_sentence(Refusal("not-an-image"), file="100 % letter.pdf").startswith(
        "100 % letter.pdf is not an X-ray image. "
    )
    assert Refusal("not-an-image").reason.startswith("The file is not an X-ray image. ")
    assert Refusal("blank").reason.startswith("The film shows nothing")


def test_the_sentence_tells_its_values_in_the_readers_language() -> None:
    refusal = Refusal("too-small", {"width": 40, "height": 50, "least": 64})

    said = refusal_sentence(refusal, lambda text: "%(least)s > %(width)s." if "%(least)s" in text else "Send it.")

    assert said == "64 > 40. Send it."


def test_a_detail_that_is_not_known_here_says_what_its_code_says() -> None:
    assert Refusal("damaged", {"detail": "of another version"}).reason == Refusal("damaged").reason


@pytest.mark.parametrize(
    ("code", "values", "said"),
    [
        ("too-small", {"sentence": "The film measures 9 x 9 pixels."}, "The film measures 9 x 9 pixels."),
        ("too-small", {}, "The film could not be read."),
        ("damaged", {"sentence": "Damaged (OSError)."}, "The file is damaged."),
        ("newer", {"sentence": "Said by a newer server."}, "Said by a newer server."),
        ("newer", {}, "The file could not be read."),
        ("server", {"sentence": "The server says no."}, "The server says no."),
    ],
)
def test_what_lacks_its_values_is_said_as_well_as_can_be(code: str, values: dict[str, str], said: str) -> None:
    assert Refusal(code, values).reason.startswith(said)


def test_a_refusal_goes_from_process_to_process() -> None:
    refusal = pickle.loads(pickle.dumps(Refusal("damaged", {"detail": "cut"})))

    assert (refusal.code, dict(refusal.values)) == ("damaged", {"detail": "cut"})


def test_a_warning_that_is_not_known_is_its_code() -> None:
    assert warning_sentence("newer") == "newer"
    assert warning_sentence("child").endswith("Do not rely on this reading.")
