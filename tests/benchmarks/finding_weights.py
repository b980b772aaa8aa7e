"""How a network's heads are put together: `python tests/benchmarks/finding_weights.py RUN FILMS_CSV`.

Reads `val` with the float32 weights of a run folder, and prints what each way of weighing the heads calls, at 95 %
specificity of SIIM's negatives for COVID-19 and at 90 % for "not normal". `training/log_odds.py` has the ways that were
chosen by it (docs/experiments/0010). `test` and `external` are never read. Takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from lungwise.evaluation.protocol import chooses_operating_point
from lungwise.films.collection import read_collection
from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES
from run_outputs import outputs_of

Chosen = NDArray[np.bool_]
Scores = NDArray[np.float64]


class Heads:
    """The logits of each head, (n,) by name."""

    def __init__(self, appearance: Tensor, findings: Tensor) -> None:
        self.appearance = {name: appearance[:, at].double() for at, name in enumerate(APPEARANCES)}
        self.findings = {name: findings[:, at].double() for at, name in enumerate(FINDING_NAMES)}

    def covid(self, against: tuple[str, ...]) -> Scores:
        """Log odds of COVID-19 where "typical" is held against these appearances."""
        others = torch.stack([self.appearance[name] for name in against]).logsumexp(0)
        other = 0.5 * torch.relu(self.findings["tuberculosis"] + 2)
        other += 0.3 * torch.relu(self.findings["other pneumonia"] + 1)
        odds = self.appearance["typical"] - others + 0.5 * self.findings["COVID-19"] - other
        return np.asarray(odds)

    def not_normal(self, share: float, above: float) -> Scores:
        """Log odds of not being normal, where tuberculosis takes a share of what lies above a logit."""
        others = [self.appearance[name] for name in APPEARANCES if name != "negative"]
        calm = self.appearance["negative"] - torch.stack(others).logsumexp(0) + 0.5 * self.findings["normal"]
        return -np.asarray(calm - share * torch.relu(self.findings["tuberculosis"] - above))


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("films_csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(run: Path, films_csv: Path) -> None:
    """Print both tables."""
    val = [film for film in read_collection(films_csv) if film.split == "val" and film.group != "ood"]
    films, *logits = outputs_of(run, val)
    heads = Heads(*logits)
    negative = np.array([chooses_operating_point(film) for film in films])

    def of(source: str, *labels: str, other_than: str = "") -> Chosen:
        return np.array(
            [f.source == source and f.label != other_than and f.label in (labels or (f.label,)) for f in films]
        )

    typical, atypical = of("siim", "typical appearance"), of("siim", "atypical appearance")
    click.echo(
        "COVID-19: typical, atypical, NIH's and CheXpert's diseased, radiography-covid; AUC typical against atypical"
    )
    asked = (
        typical,
        atypical,
        *(of(source, other_than="normal") for source in ("nih", "chexpert", "radiography-covid")),
    )
    for against in (("negative",), ("negative", "atypical")):
        odds = heads.covid(against)
        area = roc_auc_score(typical[typical | atypical], odds[typical | atypical])
        click.echo(f"{' or '.join(against):22} {_called(odds, negative, 0.95, asked)}  {area:.3f}")
    click.echo("Not normal: TBX11K, Belarus, Mendeley, NIH's diseased, NIH's normal, SIIM's typical")
    sick = [of(source, "tuberculosis") for source in ("tbx11k", "tb-belarus", "tb-mendeley")]
    asked = (*sick, of("nih", other_than="normal"), of("nih", "normal"), typical)
    for share, above in ((0.5, -1.0), (1.0, -2.0), (1.0, -3.0)):
        click.echo(f"{share} above {above:4}         {_called(heads.not_normal(share, above), negative, 0.9, asked)}")


def _called(odds: Scores, negative: Chosen, specificity: float, asked: tuple[Chosen, ...]) -> str:
    """The share of each kind of film that lies above a threshold of the negatives."""
    threshold = np.quantile(odds[negative], specificity)
    return "  ".join(f"{(odds[which] > threshold).mean():.2f}" for which in asked)


if __name__ == "__main__":
    main()
