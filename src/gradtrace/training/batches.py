"""Mini-batches: which samples each step of an epoch sees."""

from ..expect import expect_rng, expect_size


def minibatches(rng, n, size):
    """One epoch in random order, cut into batches: every sample comes exactly once.

    The gradient of a batch of ``B`` out of ``n`` samples is right on average, and its variance is
    ``σ²/B · (n − B)/(n − 1)``, with ``σ²`` the variance of the gradient of a single sample.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Number of samples.
    size : int
        Samples in a batch, ``1 … n``: 1 is stochastic descent, ``n`` batch descent. The last batch holds what is left.

    Returns
    -------
    list of ndarray of int
        Indices into the samples, ``⌈n / size⌉`` arrays.

    Notes
    -----
    Source: Lee, "Variants of Gradient Descent".

    Examples
    --------
    >>> [len(batch) for batch in minibatches(np.random.default_rng(0), 10, 4)]
    [4, 4, 2]
    """
    expect_rng("rng", rng)
    n, size = expect_size("n", n), expect_size("size", size)
    if size > n:
        raise ValueError(f"size: expected at most {n}, the number of samples, came {size}")
    order = rng.permutation(n)
    return [order[i:i + size] for i in range(0, n, size)]
