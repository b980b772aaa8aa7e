from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lungwise.cli import main

pytestmark = pytest.mark.training


def test_an_unknown_recipe_is_one_line_that_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("film,split,source,group,patient,covid,label,finding,view,adult,boxes\n")

    done = CliRunner().invoke(main, ["train", "vgg", "--films", str(tmp_path / "films.csv")])

    assert done.exit_code == 1
    assert "inception_v3" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("inception_v3", "--fold", "0"), "has no fold 0"),
        (("inception_v3_teacher", "--fold", "4"), "has no fold 4"),
        (("inception_v3", "--device", "abacus"), "no device 'abacus'"),
        (("inception_v3", "--precision", "int4"), "'bfloat16', 'float32'"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_read(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "films.csv").write_text("film,split,source,group,patient,covid,label,finding,view,adult,boxes\n")
    output = tmp_path / "run"

    done = CliRunner().invoke(
        main, ["train", *options, "--films", str(tmp_path / "films.csv"), "--output", str(output)]
    )

    assert done.exit_code != 0
    assert said in done.output
    assert not output.exists()
