"""What `make guide` finds in the guides to run; the run itself needs root and minutes, and is no part of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_guides import ADMINISTRATOR, GUIDES, NOT_RUN, SEVERAL, blocks, packages, script, sections, units

PAGE = """
## First

Some words.

```sh
echo one
```

`/etc/a.conf`, for all:

```ini
[a]
```

As root:

```sql
SELECT 1;
```

## Second

```sh example
echo KEY
```

```json
{}
```
"""


def test_a_block_is_a_script_a_file_or_a_statement() -> None:
    assert [script(block) for block in blocks(PAGE)] == [
        "echo one\n",
        "mkdir -p /etc\ncat > /etc/a.conf <<'__END__'\n[a]\n__END__\n",
        "mariadb <<'__END__'\nSELECT 1;\n__END__\n",
        "",
        "",
    ]


def test_blocks_run_in_the_order_of_their_sections(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    (only,) = sections(page).items()
    assert only[0] == "First"
    assert only[1].startswith("echo '--- page.md:6'\necho one\n")
    assert only[1].index("/etc/a.conf") < only[1].index("SELECT 1;")
    assert sections(page, "Second") == {}


@pytest.mark.parametrize("guide", [ADMINISTRATOR, SEVERAL], ids=lambda path: path.stem)
def test_every_block_for_a_shell_is_run(guide: Path) -> None:
    runnable = {"sh", "sql", "ini", "nginx"}
    found = [block for block in blocks(guide.read_text(encoding="utf-8")) if block.section not in NOT_RUN]
    assert [block.line for block in found if block.language in runnable and not script(block)] == []


def test_what_is_not_run_is_a_section_of_a_guide() -> None:
    text = "".join(guide.read_text(encoding="utf-8") for guide in GUIDES.glob("*.md"))
    assert all(f"## {title}\n" in text for title in NOT_RUN)


def test_units_and_packages_are_found() -> None:
    assert [unit.name for unit in [*units(ADMINISTRATOR), *units(SEVERAL)]] == [
        "lungwise.service",
        "lungwise-node.service",
        "lungwise-hl7.service",
        "lungwise.service",
        "lungwise-worker@.service",
        "lungwise-node.service",
        "lungwise-hl7.service",
    ]
    named = packages([ADMINISTRATOR, SEVERAL])
    assert {"make", "mariadb-server", "nginx", "python3-venv", "redis-server"} <= set(named)
    assert all(name.replace("-", "").isalnum() for name in named)
