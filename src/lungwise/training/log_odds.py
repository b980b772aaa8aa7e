"""What the network says of each finding, put together from its heads.

The heads answer different questions. `appearance` learnt from one place that has both classes: what it calls negative
is the surest sign of a normal film, and what tells typical from negative the surest of COVID-19. The `findings` learnt
from many places, some of which have one class alone: they tell diseases apart, and take a film for ill by the look of
its source. So each finding asks two questions: is the film abnormal, and is it this disease?

The weights were chosen on `train`, out of fold, and on `val` (docs/experiments/0010).
"""

from __future__ import annotations

import torch
from torch import Tensor

from lungwise.reading.artefact import APPEARANCES
from lungwise.reading.findings import FINDING_NAMES

_SHARE_OF_FINDING = 0.5
"""Weight of a findings head beside the appearance."""
_CLEARLY_NORMAL = 1.0
"""A film whose log odds of being normal are above minus this loses as much of each disease."""


def finding_log_odds(appearance: Tensor, findings: Tensor) -> Tensor:
    """Uncalibrated log odds of each of `FINDING_NAMES`.

    Parameters
    ----------
    appearance, findings
        (n, 4) and (n, findings) logits of the heads.
    """
    normal, covid, pneumonia, tuberculosis = (
        findings[:, FINDING_NAMES.index(name)] for name in ("normal", "COVID-19", "other pneumonia", "tuberculosis")
    )
    calm = _log_odds_negative(appearance) + _SHARE_OF_FINDING * normal
    too_calm = torch.relu(calm + _CLEARLY_NORMAL)
    typical = _logit(appearance, "typical") - _log_sum(appearance, "negative", "atypical")
    other = 0.5 * torch.relu(tuberculosis + 2) + 0.3 * torch.relu(pneumonia + 1)
    log_odds = {
        "normal": calm - torch.relu(tuberculosis + 2),
        "COVID-19": typical + _SHARE_OF_FINDING * covid - other,
        "other pneumonia": pneumonia - too_calm,
        "tuberculosis": tuberculosis - too_calm,
    }
    return torch.stack([log_odds[name] for name in FINDING_NAMES], 1)


def _log_odds_negative(appearance: Tensor) -> Tensor:
    """(n,) log odds that a film is negative rather than of any other appearance."""
    others = [name for name in APPEARANCES if name != "negative"]
    return _logit(appearance, "negative") - _log_sum(appearance, *others)


def _log_sum(appearance: Tensor, *names: str) -> Tensor:
    """(n,) logits of being of any of these appearances."""
    return torch.stack([_logit(appearance, name) for name in names]).logsumexp(0)


def _logit(appearance: Tensor, name: str) -> Tensor:
    return appearance[:, APPEARANCES.index(name)]
