"""How sure a share is: one interval for the evaluation of a model and for a clinic's statistics."""

from __future__ import annotations

from math import sqrt

Z95 = 1.959964
"""Two-sided 95 % of the normal distribution."""


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of independent films or studies; (0, 1) of nothing.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if total == 0:
        return 0.0, 1.0
    share, spread = count / total, Z95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)
