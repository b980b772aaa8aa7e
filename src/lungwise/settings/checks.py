"""What a setting must be: keys, addresses, lists and names, checked before anything starts."""

from __future__ import annotations

import base64
import re
import secrets
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from lungwise.extras import how_to_install
from lungwise.time_zones import zone_names

RESULT_OBJECTS = frozenset({"SR", "SC", "PDF", "GSPS", "SEG"})
"""What is made of a study that was read: structured report, heat map over the film, report, and of each film where it
is hot: as outlines and as a segmentation."""
USUAL_OBJECTS = RESULT_OBJECTS - {"SEG"}
"""What an archive gets that is not set to get certain objects: record 24 says why no segmentation."""


def listed(text: str) -> list[str]:
    """Split a setting at its commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def new_key_text() -> str:
    """Make an encryption key: 32 random bytes in base64, as a word of the setting or a line of its file."""
    return secrets.token_urlsafe(32)


def key_words(text: str) -> list[str]:
    """Split a text into keys, by spaces, lines or commas."""
    return [word for word in re.split(r"[\s,]+", text) if word]


def key_bytes(word: str) -> bytes:
    """Return the bytes of a key.

    Raises
    ------
    ValueError
        If the word is not a key.
    """
    try:
        secret = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    except ValueError:  # its length is that of no base64, or it is not ASCII
        secret = b""
    if len(secret) != 32:
        raise ValueError("A key is 32 random bytes in base64. Make one with: openssl rand -base64 32")
    return secret


def only_keys(given: SecretStr) -> SecretStr:
    """Require each word to be a key."""
    for word in key_words(given.get_secret_value()):
        key_bytes(word)
    return given


def not_guessable(given: SecretStr) -> SecretStr:
    """Require a long token, since nothing counts guesses at it."""
    if 0 < len(given.get_secret_value()) < 20:
        raise ValueError("This token is too short: anyone may guess at it. Make one with: openssl rand -hex 24")
    return given


def only_with_boto3(url: str) -> str:
    """Refuse a bucket where what it needs is not installed."""
    if url:
        _require("boto3")
    return url


def only_with_celery(url: SecretStr) -> SecretStr:
    """Refuse a broker where what it needs is not installed."""
    if url.get_secret_value():
        _require("celery")
    return url


def _require(module: str) -> None:
    if find_spec(module) is None:
        raise ValueError(f"It needs {module}, which is not installed. {how_to_install(module)}")


PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
"""Pattern of a port, of one group: 1 to 65535."""
_ORIGIN = re.compile(rf"https?://([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:{PORT})?")


def only_an_origin(url: str) -> str:
    """Keep scheme, host and port: a link begins with nothing else, and a Host header has nothing else."""
    origin = url.strip().lower().removesuffix("/")
    if origin and not _ORIGIN.fullmatch(origin):
        raise ValueError("It is a scheme and a host, and a port where it needs one, as https://lungwise.example.org")
    return origin


def only_origins(urls: str) -> str:
    """Keep a list of origins, each in one spelling."""
    return ", ".join(only_an_origin(url) for url in listed(urls))


_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
_HTTP = re.compile(rf"(https?)://([^/?#@:\s]+|\[[0-9a-f:.]+\])(:{PORT})?([/?][^#\s]*)?", re.IGNORECASE)


def only_private_address(url: str) -> str:
    """Require https, or an address of this machine: what is sent there names patients."""
    if not url:
        return url
    found = _HTTP.fullmatch(url)
    if found is None:
        raise ValueError("It is an address as https://records.example.org/lungwise, without a name or password in it")
    if found[1].lower() == "http" and not _LOOPBACK.fullmatch(found[2].lower()):
        raise ValueError("Patients' reports go there: it must begin with https, unless it is on this machine")
    return url


_DIMSE_PEER = re.compile(rf"[^@,]{{1,16}}@[^@,]+:{PORT}")


def only_an_archive(text: str) -> str:
    """Require AE@host:port, or the address of a DICOMweb server: by https, or on this machine."""
    if not text or _DIMSE_PEER.fullmatch(text):
        return text
    if "://" not in text:
        raise ValueError("It is AE@host:port, or an address as https://archive.example.org/dicom-web")
    if "?" in text:
        raise ValueError("It is the address that /studies follows, without a question mark")
    return only_private_address(text).rstrip("/")


def is_guarded_address(url: str) -> bool:
    """Return whether what goes to an address is guarded on its way: by TLS, or because it stays on this machine."""
    found = _HTTP.fullmatch(url)
    if found is None or not url.isascii() or not url.isprintable() or "\\" in url:
        return False
    return found[1].lower() == "https" or bool(_LOOPBACK.fullmatch(found[2].lower()))


def only_networks(text: str) -> str:
    """Require each value of a list of NAME=value to be an address or a network."""
    for part in listed(text):
        network = part.rpartition("=")[2].strip()
        try:
            ip_network(network)
        except ValueError:
            raise ValueError(f"{network} is not an address, as 10.0.1.7, or a network, as 10.0.1.0/24") from None
    return text


def only_result_objects(text: str) -> str:
    """Require the kinds of objects to be those that are made."""
    for kinds in re.findall(r"=([A-Z+]+)", text):
        if not set(kinds.split("+")) <= RESULT_OBJECTS:
            raise ValueError(f"It is AE=KIND+KIND, the kinds being {', '.join(sorted(RESULT_OBJECTS))}")
    return text


def only_a_time_zone(name: str) -> str:
    """Require the name of a time zone."""
    if name not in zone_names():
        raise ValueError("It is the name of a time zone, as Africa/Nairobi, Asia/Kolkata or UTC")
    return name


HL7_CHARACTER_SETS = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_2",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
}
"""Python's codec of each character set of HL7's table 0211 that is read."""


def only_an_hl7_character_set(name: str) -> str:
    """Require the name of a character set of HL7 that is read."""
    if name not in HL7_CHARACTER_SETS:
        raise ValueError(f"It is one of: {', '.join(HL7_CHARACTER_SETS)}")
    return name


def only_with(settings: object, needed: str, *names: str) -> None:
    """Require that settings which say nothing without another are given with it alone: who set them relies on them."""
    for name in names:
        if getattr(settings, name) is not None and getattr(settings, needed) is None:
            raise ValueError(f"{name} needs {needed}: without it there is no TLS")


PublicUrl = Annotated[str, AfterValidator(only_an_origin)]
"""What a link begins with; empty if it is not known."""
