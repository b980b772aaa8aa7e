"""What a page says to a person: its texts, and the words of its attributes."""

from __future__ import annotations

from html.parser import HTMLParser

SAID = ("alt", "title", "aria-label", "aria-valuetext", "placeholder", "label")
NOT_SAID = ("data-beside", "data-corner", "data-explains", "data-most", "data-number", "data-pane")
"""What a script works with and does not show."""
SILENT = ("script", "style", "code", "pre")
VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr")


def _is_said(name: str, value: str) -> bool:
    return name.startswith("data-") and name not in NOT_SAID and not value.startswith("/")


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._open: list[tuple[str, bool]] = []

    @property
    def _is_silent(self) -> bool:
        return any(silent for _tag, silent in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        foreign = tag != "html" and "lang" in own
        if not self._is_silent and not foreign:
            self.said += [own[name] for name in SAID if name in own]
            self.said += [value for name, value in own.items() if _is_said(name, value)]
            if tag == "input" and own.get("type") == "submit":
                self.said.append(own.get("value", ""))
        if tag not in VOID:
            self._open.append((tag, tag in SILENT or foreign))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._is_silent:
            self.said.append(data)


def words_of_page(html: str) -> list[str]:
    """Return each text of a page and of its attributes; what is marked as of another language is left out."""
    parser = _Words()
    parser.feed(html)
    return [text for said in parser.said if (text := " ".join(said.split()))]
