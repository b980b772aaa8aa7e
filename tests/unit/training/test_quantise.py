from __future__ import annotations

import pytest

from lungwise.training.quantise import is_quantised

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("node", "int8"),
    [
        ("/Conv2d_2b_3x3/conv/Conv", True),
        ("/Mixed_7c/branch_pool/conv/Conv", True),
        ("/Conv2d_1a_3x3/conv/Conv", False),
        ("/Conv2d_2a_3x3/conv/Conv", False),
        ("/appearance/Gemm", False),
    ],
)
def test_the_heads_and_the_first_two_convolutions_stay_exact(node: str, int8: bool) -> None:
    assert is_quantised(node) is int8
