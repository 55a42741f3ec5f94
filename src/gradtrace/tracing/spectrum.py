"""Jacobians of a chain of steps, and the growth of a frame of directions along their product.

Three different things tell what ``J_1 J_2 … J_t`` does to lengths: the SVD of the multiplied-out product, which ends at
machine precision; the QR growth here; and the true singular values, in ``singular.py``.

Row convention: ``dh_t = dh_{t-1} J_t``, so that ``∂h_t/∂h_0 = J_1 J_2 … J_t``, and gradients go back by
``g_{t-1} = g_t J_tᵀ``.
"""

import math

import numpy as np

from ..expect import expect_array, expect_size
from ..steps.arrays import T
from .fast.rnn import RNNPullbacks
from .path import Pullbacks


def expect_square(name, value, lead=()):
    """Raise unless ``value`` is an array of finite floats of shape ``(*lead, *sweep, n, n)``."""
    expect_array(name, value, (None, None))
    if value.ndim < 2 + len(lead) or value.shape[-1] != value.shape[-2]:
        raise ValueError(f"{name}: expected the shape ({', '.join([*lead, '*sweep', 'n', 'n'])}), came {value.shape}")


def jacobians(vjps):
    """``J_t = ∂h_t/∂h_{t-1}`` of every step: entry ``[i, j]`` is ``∂h_t[j] / ∂h_{t-1}[i]``.

    For a batch of one ``N = n``. A larger batch counts as one state of ``N = batch × features`` numbers, since steps
    such as batch norm couple its samples; where none does, ``J_t`` is block-diagonal.

    Parameters
    ----------
    vjps : Pullbacks
        From :func:`~gradtrace.forward`. All states have the same shape.

    Returns
    -------
    ndarray of shape (T, *sweep, N, N)

    Raises
    ------
    TypeError
        ``vjps`` is something else.
    ValueError
        A step changes the size of the state.
    FloatingPointError
        A slope overflows.

    Notes
    -----
    Every pullback is fed the ``N`` rows of the identity at once, on a leading axis.

    Source: Grosse–Ba, "the Jacobians multiply".

    Examples
    --------
    >>> p = {"W": np.array([[1.0, 2.0], [0.0, 1.0]]), "U": np.ones((1, 2)), "b": np.zeros(2)}
    >>> h, vjps = forward(unroll(RNN(1, 2, "identity"), p, np.zeros((3, 1, 1))), np.ones((1, 2)))
    >>> jacobians(vjps)[0]                          # of h W it is W itself
    array([[1., 2.],
           [0., 1.]])
    """
    if not isinstance(vjps, Pullbacks):
        raise TypeError(f"vjps: expected the pullbacks that forward returns, came {type(vjps).__name__}")
    if isinstance(vjps, RNNPullbacks) and vjps.sweep == 0 and len(vjps.end) == 1:
        h, x, p = vjps.h, vjps.x, vjps.p
        return p["W"] * vjps.step.phi.slope(h[:-1] @ p["W"] + x @ p["U"] + p["b"])      # J = W diag φ'(a)
    end, sweep = vjps.end, vjps.end.shape[:vjps.sweep]
    state, N = end.shape[vjps.sweep:], math.prod(end.shape[vjps.sweep:])
    g = np.eye(N, dtype=end.dtype).reshape(N, *(1,) * len(sweep), *state)
    g = np.broadcast_to(g, (N, *sweep, *state))
    J = np.empty((len(vjps), *sweep, N, N), end.dtype)
    for t, vjp in enumerate(vjps):
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            dh = vjp(g).h
        if dh.size != g.size:
            raise ValueError(f"vjps: expected steps that keep the shape {state} of the last state,"
                             f" came {dh.shape[1 + len(sweep):]} before step {t + 1}")
        J[t] = np.moveaxis(dh.reshape(N, *sweep, N), 0, -1)
    if not np.isfinite(J).all():
        raise FloatingPointError(f"vjps: a Jacobian overflows {J.dtype}")
    return J


def spectral_radius(W):
    """The largest modulus of an eigenvalue, ``max |λ(W)|``: the rate of ``‖Wᵗ‖`` for large ``t``.

    Parameters
    ----------
    W : ndarray of shape (*sweep, n, n)

    Returns
    -------
    ndarray of shape (*sweep)

    Raises
    ------
    ValueError, TypeError
        ``W`` is no array of finite floats, not square or empty.

    Notes
    -----
    Source: I2DL, "Long-term dependencies".

    Examples
    --------
    >>> spectral_radius(np.array([[0.5, 9.0], [0.0, 0.25]]))
    np.float64(0.5)
    """
    expect_square("W", W)
    if not W.shape[-1]:
        raise ValueError(f"W: expected at least one row, came shape {W.shape}")
    return np.abs(np.linalg.eigvals(W)).max(axis=-1)


def log_qr_growth(J, every=1):
    """``Σ ln |r_kk|`` over the QR factorisations along the product ``J_1 J_2 … J_t``, for growing ``t``.

    A frame of ``n`` orthogonal directions is carried along and made orthogonal again; these are the logarithms of how
    much each of them has grown. Divided by ``t`` they tend to the Lyapunov exponents. They are not the singular
    values of the product: those are :func:`~gradtrace.log_singular_values`.

    Parameters
    ----------
    J : ndarray of shape (T, *sweep, n, n)
        From :func:`jacobians`.
    every : int
        Multiply so many Jacobians before the frame is made orthogonal again: faster, and good to as many digits as
        such a product keeps.

    Returns
    -------
    ndarray of shape (⌈T / every⌉, *sweep, n)
        In the order of the frame. A direction that is lost gives ``-inf``.

    Raises
    ------
    ValueError, TypeError
        ``J`` is no array of finite floats or not square, or ``every`` no whole number from 1.
    FloatingPointError
        The product of ``every`` Jacobians overflows.

    Notes
    -----
    Source: Benettin et al. 1980.

    Examples
    --------
    >>> J = np.array([[[2.0, 9.0], [0.0, 0.5]]] * 3)
    >>> log_qr_growth(J).round(2)
    array([[ 2.22, -2.22],
           [ 3.13, -3.13],
           [ 3.87, -3.87]])
    """
    expect_square("J", J, ("T",))
    every = expect_size("every", every)
    B, growth = np.broadcast_to(np.eye(J.shape[-1]), J.shape[1:]), []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for start in range(0, len(J), every):
            for J_t in J[start:start + every]:
                B = T(J_t).astype(float) @ B
            if not np.isfinite(B).all():
                raise FloatingPointError(f"every: the product of {every} Jacobians overflows; use a smaller number")
            B, R = np.linalg.qr(B)
            growth.append(np.log(np.abs(np.diagonal(R, axis1=-2, axis2=-1))))
    return np.cumsum(np.reshape(growth, (len(growth), *J.shape[1:-1])), axis=0).astype(J.dtype)


def lyapunov(J, every=1):
    """Lyapunov exponents of a product of Jacobians, ``ln`` of the growth per step: ``log_qr_growth(J)[-1] / T``.

    Parameters
    ----------
    J, every
        As for :func:`log_qr_growth`, with at least one Jacobian.

    Returns
    -------
    ndarray of shape (*sweep, n)
        The largest first, once ``T`` is large.

    Raises
    ------
    ValueError, TypeError, FloatingPointError
        As for :func:`log_qr_growth`.

    Notes
    -----
    Source: Benettin et al. 1980.

    Examples
    --------
    >>> J = np.random.default_rng(0).standard_normal((3000, 4, 4))
    >>> lyapunov(J, every=5).round(2)               # in theory 0.56, 0.36, 0.06 and -0.64
    array([ 0.54,  0.36,  0.09, -0.62])
    """
    expect_square("J", J, ("T",))
    if not len(J):
        raise ValueError(f"J: expected at least one Jacobian, came shape {J.shape}")
    return log_qr_growth(J, every)[-1] / np.asarray(len(J), J.dtype)
