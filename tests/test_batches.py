"""Mini-batches hold every sample once.

The variance of their gradient falls as one over their size.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradtrace.training.loop import minibatches


@settings(deadline=None)
@given(n=st.integers(1, 200), data=st.data(), seed=st.integers(0, 99))
def test_every_sample_comes_once_in_an_epoch(n, data, seed):
    size = data.draw(st.integers(1, n))
    batches = minibatches(np.random.default_rng(seed), n, size)
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert len(batches) == -(-n // size)
    assert all(len(b) == size for b in batches[:-1])
    assert len(batches[-1]) >= 1


def test_the_order_is_random_and_repeats_with_the_seed():
    first, second = (minibatches(np.random.default_rng(0), 100, 10) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    rng = np.random.default_rng(0)
    epochs = [np.concatenate(minibatches(rng, 100, 10)) for _ in range(2)]
    assert (epochs[0] != epochs[1]).any()
    assert (epochs[0] != np.arange(100)).any()


def test_the_variance_of_the_gradient_falls_as_one_over_the_batch():
    """A linear model, measured against σ²/B (n − B)/(n − 1).

    Four standard errors of the measurement itself are allowed.
    """
    rng = np.random.default_rng(1)
    n = 2000
    sizes = np.array([1, 2, 4, 8, 16, 32])
    draws = 3000
    x = rng.standard_normal((n, 3))
    error = x @ rng.standard_normal(3) + rng.standard_normal(n)
    each = error[:, None] * x  # gradient of ½ (xw − y)² for every sample
    full = each.mean(0)
    variance = ((each - full) ** 2).sum(-1).mean()
    measured = []
    for size in sizes:
        first = [minibatches(rng, n, int(size))[0] for _ in range(draws)]
        square = ((each[np.array(first)].mean(1) - full) ** 2).sum(-1)
        expected = variance / size * (n - size) / (n - 1)
        assert abs(square.mean() - expected) < 4 * square.std() / draws**0.5
        measured.append(square.mean())
    assert np.polyfit(np.log(sizes), np.log(measured), 1)[0] == pytest.approx(-1, abs=0.03)


CASES = {
    "size too large": (
        lambda: minibatches(np.random.default_rng(0), 5, 6),
        ValueError,
        "size: expected at most n, 5, got 6",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
