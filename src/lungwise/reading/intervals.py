"""How sure a share is: one interval for the evaluation of a model and for a clinic's statistics."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt

Z95 = 1.959964
"""Two-sided 95 % of the normal distribution."""
_ONE_SIDED, _BISECTIONS, _LEAST = 0.05, 50, 1e-300


def wilson_interval(count: float, total: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of independent films or studies; (0, 1) of nothing.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    if total == 0:
        return 0.0, 1.0
    share, spread = count / total, Z95**2 / total
    centre = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)


def binomial_upper(count: int, total: int) -> float:
    """Return the share that is exceeded with a confidence of 5 % at most, where `count` of `total` were seen.

    Clopper and Pearson, Biometrika 26 (1934) 404, one-sided.
    """
    if count >= total:
        return 1.0
    low, high = count / total, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, total, middle) > _ONE_SIDED else (low, middle)
    return high


def _at_most(count: int, total: int, share: float) -> float:
    """The chance of so few or fewer."""
    if share >= 1:
        return 0.0
    ways = (lgamma(total + 1) - lgamma(n + 1) - lgamma(total - n + 1) for n in range(count + 1))
    odds = (n * log(share or _LEAST) + (total - n) * log1p(-share) for n in range(count + 1))
    return sum(exp(way + odd) for way, odd in zip(ways, odds, strict=True))
