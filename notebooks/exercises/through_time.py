"""The exercises of the chapter on backpropagation through time."""

from types import SimpleNamespace

import numpy as np

from gradtrace import RNN, backward, forward, unroll
from gradtrace.check import slope as measured_slope
from gradtrace.notebook.exercises import Choice, Function, Number


def pullbacks(h, x, W, U):
    """The pullbacks of an RNN whose states are ``h``, whatever its bias was.

    Next to ``x`` it reads what is missing to these states, so that the first
    rows of its gradient of U are those of ``U``.
    """
    missing = np.arctanh(h[1:]) - h[:-1] @ W - x[1:] @ U
    inputs = np.concatenate([x[1:], missing], axis=-1)
    n_in, n = U.shape
    p = {"W": W, "U": np.concatenate([U, np.eye(n)]), "b": np.zeros(n)}
    _, vjps = forward(unroll(RNN(n_in + n, n), p, inputs), h[0])
    return vjps


def alone(numbers):
    """A number for each time as a sequence of one sample with one unit."""
    return np.reshape(numbers, (-1, 1, 1))


def scalar_pullbacks(h, x, w):
    W = np.array([[float(w)]])
    return pullbacks(alone(h), alone(x), W, np.zeros((1, 1)))


# 1: the way back of a net of single numbers, in a loop


def scalar_net(T, seed, h_0=0.5, u=0.5, w=0.9, v=1.2, unused=0.0):
    """Arguments for exercise 1: a net that has read T numbers.

    unused : what stands in the entries 0, which nobody should read.
    """
    rng = np.random.default_rng(seed)
    x = np.full(T + 1, unused)
    y = np.zeros(T + 1)
    h = np.zeros(T + 1)
    y_hat = np.full(T + 1, unused)
    x[1:] = rng.standard_normal(T)
    y[1:] = rng.uniform(-0.9, 0.9, T)
    h[0] = h_0
    for t in range(1, T + 1):
        h[t] = np.tanh(w * h[t - 1] + u * x[t])
        y_hat[t] = np.tanh(v * h[t])
    return x, y, h, y_hat, w, v


def scalar_reference(x, y, h, y_hat, w, v):
    dL_dr = (y_hat - y) * (1 - y_hat**2)
    dL_dr[0] = 0
    grads = backward(scalar_pullbacks(h, x, w), [*alone(dL_dr * v)])
    sums = grads.shared()
    return sums["U"][0, 0], sums["W"].item(), np.sum(dL_dr * h)


def all_back(T):
    return range(T, 0, -1)


def from_output_and_next(net, t, dL_dr, g_after, d_after):
    return dL_dr * net.v + d_after * net.w


def tanh_slope(h, t):
    return 1 - h[t] ** 2


def scalar_shares(net, t, dL_dr, g, d):
    return d * net.x[t], d * net.h[t - 1], dL_dr * net.h[t]


def scalar_walk(
    x,
    y,
    h,
    y_hat,
    w,
    v,
    *,
    times=all_back,
    at_output=lambda net, t: (
        (net.y_hat[t] - net.y[t]) * (1 - net.y_hat[t] ** 2)
    ),
    at_state=from_output_and_next,
    slope=tanh_slope,
    shares=scalar_shares,
    add=True,
):
    """The loop of exercise 1. A wrong answer has another piece in one place.

    Without ``add`` every share overwrites the one before.
    """
    net = SimpleNamespace(x=x, y=y, h=h, y_hat=y_hat, w=w, v=v)
    sums = np.zeros(3)
    g = d = 0.0
    for t in times(len(h) - 1):
        dL_dr = at_output(net, t)
        g = at_state(net, t, dL_dr, g, d)
        d = g * slope(h, t)
        share = np.array(shares(net, t, dL_dr, g, d))
        sums = sums + share if add else share
    return tuple(sums)


def wrong_walk(**piece):
    """A wrong answer to exercise 1."""

    def wrong(*given):
        return scalar_walk(*given, **piece)

    return wrong


def last_alone(T):
    return [T]


def all_but_the_first(T):
    return range(T, 1, -1)


def all_but_the_last(T):
    return range(T - 1, 0, -1)


def forwards(T):
    return range(1, T + 1)


def last_output_alone(net, t, dL_dr, g_after, d_after):
    last = t == len(net.h) - 1
    return (dL_dr * net.v if last else 0.0) + d_after * net.w


def tanh_slope_again(h, t):
    return 1 - np.tanh(h[t]) ** 2


def no_slope(h, t):
    return 1.0


def slope_without_square(h, t):
    return 1 - h[t]


def slope_before(h, t):
    return 1 - h[t - 1] ** 2


SCALAR_HINTS = [
    (
        wrong_walk(times=last_alone),
        "this is the last step's share alone. Every step used w, u and v:"
        " add its share to the sums inside the loop.",
    ),
    (
        wrong_walk(add=False),
        "this is the first step's share alone. Each share has overwritten"
        " the one before: add them with +=.",
    ),
    (
        wrong_walk(times=all_but_the_first),
        "the first step is missing. range stops before its end:"
        " range(T, 0, -1) goes down to 1.",
    ),
    (
        wrong_walk(times=all_but_the_last),
        "the last step is missing. The loop starts at T = len(h) - 1, since"
        " h has an entry 0 as well.",
    ),
    (
        wrong_walk(times=forwards),
        "the loop runs forwards in time. g_t needs d_{t+1}, so start at the"
        " last step and go back.",
    ),
    (
        wrong_walk(
            shares=lambda net, t, dL_dr, g, d: (
                d * net.x[t],
                d * net.h[t],
                dL_dr * net.h[t],
            )
        ),
        "the share of w has the wrong state. w multiplied the state before"
        " the step: d_t goes with h_{t-1}, not with h_t.",
    ),
    (
        wrong_walk(
            shares=lambda net, t, dL_dr, g, d: (
                d * net.x[t],
                d * net.h[t - 1],
                dL_dr * net.h[t - 1],
            )
        ),
        "the share of v has the wrong state: the output of step t was read"
        " off h_t.",
    ),
    (
        wrong_walk(
            shares=lambda net, t, dL_dr, g, d: (
                d * net.x[t],
                d * net.h[t - 1],
                g * net.h[t],
            )
        ),
        "the share of v needs ∂L/∂r_t, the gradient where v acted. You took"
        " g, the gradient at h_t.",
    ),
    (
        wrong_walk(
            shares=lambda net, t, dL_dr, g, d: (
                g * net.x[t],
                g * net.h[t - 1],
                dL_dr * net.h[t],
            )
        ),
        "the shares of u and w need d, the gradient at a_t, where these"
        " weights acted. You took g, the gradient at h_t.",
    ),
    (
        wrong_walk(
            shares=lambda net, t, dL_dr, g, d: (
                d * net.h[t - 1],
                d * net.x[t],
                dL_dr * net.h[t],
            )
        ),
        "∂L/∂u and ∂L/∂w are exchanged: u multiplied the input, w the state.",
    ),
    (
        wrong_walk(at_state=last_output_alone),
        "only the last output speaks to its state here. Every step has a"
        " loss of its own, so each g_t starts with what its own output"
        " hands down.",
    ),
    (
        wrong_walk(
            at_state=lambda net, t, dL_dr, g_after, d_after: dL_dr * net.v
        ),
        "nothing goes back in time here. Either g_t lacks the part from step"
        " t + 1, d_{t+1} w. Or the loop runs forwards, range(1, T + 1), and"
        " d_{t+1} is still zero when it is read: start at T and go back.",
    ),
    (
        wrong_walk(
            at_state=lambda net, t, dL_dr, g_after, d_after: (
                dL_dr * net.v + g_after * net.w
            )
        ),
        "what comes back from the next step is d_{t+1} w, with that step's"
        " slope of tanh in it. You took g_{t+1} w.",
    ),
    (
        wrong_walk(
            at_state=lambda net, t, dL_dr, g_after, d_after: (
                dL_dr * net.v + d_after
            )
        ),
        "a w is missing: a_{t+1} = w h_t + …, so what comes back is"
        " d_{t+1} w.",
    ),
    (
        wrong_walk(
            at_state=lambda net, t, dL_dr, g_after, d_after: (
                dL_dr + d_after * net.w
            )
        ),
        "a v is missing: r_t = v h_t, so the output hands down ∂L/∂r_t"
        " times v.",
    ),
    (
        wrong_walk(slope=slope_before),
        "the slope is taken at the wrong state. Step t made h_t, so the"
        " slope there is 1 - h_t², not 1 - h_{t-1}².",
    ),
    (
        wrong_walk(slope=tanh_slope_again),
        "h_t is tanh(a_t) already. Its slope is 1 - h_t²; you took the tanh"
        " a second time.",
    ),
    (
        wrong_walk(slope=slope_without_square),
        "the slope of tanh is 1 - h_t², with a square.",
    ),
    (
        wrong_walk(slope=no_slope),
        "the slope of tanh at the state is missing: d_t = g_t (1 - h_t²).",
    ),
    (
        wrong_walk(at_output=lambda net, t: net.y_hat[t] - net.y[t]),
        "the output has a tanh of its own: the error at the output times"
        " 1 - ŷ_t² is what reaches r_t.",
    ),
    (
        wrong_walk(
            at_output=lambda net, t: (
                2 * (net.y_hat[t] - net.y[t]) * (1 - net.y_hat[t] ** 2)
            )
        ),
        "everything is twice what it should be: the loss has a factor ½,"
        " which cancels the 2 of the square.",
    ),
]


# 2: the way back of an RNN with vectors


def vector_net(T, batch, seed, every_step=True):
    """Arguments for exercise 2, with losses at all steps or at the last."""
    rng = np.random.default_rng(seed)
    n_in, n = 2, 3
    W = rng.standard_normal((n, n)) / 2
    U = rng.standard_normal((n_in, n)) / 2
    b = rng.standard_normal(n) / 4
    x = rng.standard_normal((T + 1, batch, n_in))
    h = np.zeros((T + 1, batch, n))
    h[0] = rng.uniform(-0.5, 0.5, (batch, n))
    for t in range(1, T + 1):
        h[t] = np.tanh(h[t - 1] @ W + x[t] @ U + b)
    direct = np.zeros((T + 1, batch, n))
    first = 1 if every_step else T
    direct[first:] = rng.standard_normal((T + 1 - first, batch, n))
    return h, x, W, U, direct


def vector_reference(h, x, W, U, direct):
    grads = backward(pullbacks(h, x, W, U), [*direct])
    sums = grads.shared()
    return sums["W"], sums["U"][: len(U)], sums["b"], grads.h[0]


def direct_and_back(direct, t, back):
    return direct[t] + back


def vector_shares(h, x, d, t):
    return h[t - 1].T @ d, x[t].T @ d, d.sum(axis=0)


def through_weights(d, at_state, back, W):
    return d @ W.T


def gradient_at_start(h, back, at_state, d):
    return back


def vector_walk(
    h,
    x,
    W,
    U,
    direct,
    *,
    times=all_back,
    state=direct_and_back,
    slope=tanh_slope,
    late=False,
    shares=vector_shares,
    hand_back=through_weights,
    start=gradient_at_start,
    add=True,
):
    """The loop of exercise 2. A wrong answer has another piece in one place.

    With ``late`` the slope comes after the shares; without ``add`` every
    share overwrites the one before.
    """
    sums = [np.zeros_like(W), np.zeros_like(U), np.zeros(len(W))]
    back = at_state = d = np.zeros_like(h[0])
    for t in times(len(h) - 1):
        at_state = state(direct, t, back)
        d = at_state if late else at_state * slope(h, t)
        new = shares(h, x, d, t)
        if add:
            new = [a + b for a, b in zip(sums, new, strict=True)]
        sums = new
        back = hand_back(d, at_state, back, W)
        if late:
            back = back * slope(h, t)
    return (*sums, start(h, back, at_state, d))


def wrong_way(**piece):
    """A wrong answer to exercise 2."""

    def wrong(*given):
        return vector_walk(*given, **piece)

    return wrong


VECTOR_HINTS = [
    (
        wrong_way(times=last_alone),
        "this is the last step alone. The weights were used at every step:"
        " walk on, and add every step's share.",
    ),
    (
        wrong_way(add=False),
        "these are the shares of the first step alone. Each share has"
        " overwritten the one before: add them with +=.",
    ),
    (
        wrong_way(times=all_but_the_first),
        "the first step is missing. range stops before its end:"
        " range(T, 0, -1) goes down to 1.",
    ),
    (
        wrong_way(times=all_but_the_last),
        "the last step is missing. The loop starts at T = len(h) - 1, since"
        " h has an entry 0 as well.",
    ),
    (
        wrong_way(times=forwards),
        "the loop runs forwards in time. Start at the last step: each step"
        " needs what the step after it hands back.",
    ),
    (
        wrong_way(
            shares=lambda h, x, d, t: (
                h[t].T @ d,
                x[t].T @ d,
                d.sum(axis=0),
            )
        ),
        "the share of W has the wrong state: W multiplied h_{t-1}, so the"
        " share is h_{t-1}ᵀ d_t, not h_tᵀ d_t.",
    ),
    (
        wrong_way(
            shares=lambda h, x, d, t: (
                h[t - 1].T @ d,
                x[t - 1].T @ d,
                d.sum(axis=0),
            )
        ),
        "the share of U has the wrong input: step t read x_t.",
    ),
    (
        wrong_way(
            shares=lambda h, x, d, t: (
                h[t - 1].T @ d,
                x[t].T @ d,
                d.mean(axis=0),
            )
        ),
        "one bias serves all samples, so its gradient is their sum, not"
        " their mean.",
    ),
    (
        wrong_way(
            state=lambda direct, t, back: (
                (direct[t] if t == len(direct) - 1 else 0) + back
            )
        ),
        "the loss is heard at the last step only. At each step, add what the"
        " loss puts directly on h_t, direct[t], to what comes back from the"
        " step after.",
    ),
    (
        wrong_way(state=lambda direct, t, back: direct[t]),
        "nothing goes back in time here. Either direct[t] is all of g_t, and"
        " d_{t+1} Wᵀ is not added. Or the loop runs forwards,"
        " range(1, T + 1), and d_{t+1} is still zero when it is read: start"
        " at T and go back.",
    ),
    (
        wrong_way(hand_back=lambda d, at_state, back, W: d @ W),
        "a transpose is missing: forward it was h W, backward it is d Wᵀ.",
    ),
    (
        wrong_way(hand_back=lambda d, at_state, back, W: at_state @ W.T),
        "what goes back to h_{t-1} has skipped the slope: first"
        " d = g ⊙ (1 - h_t²), then d Wᵀ.",
    ),
    (
        wrong_way(hand_back=lambda d, at_state, back, W: back + d @ W.T),
        "what is handed back piles up. Only the shares are added; the"
        " gradient at a state is replaced at every step.",
    ),
    (
        wrong_way(slope=slope_before),
        "the slope is taken at the wrong state. Step t made h_t, so the"
        " slope there is 1 - h_t².",
    ),
    (
        wrong_way(slope=tanh_slope_again),
        "h_t is tanh(a_t) already. Its slope is 1 - h_t²; you took the tanh"
        " a second time.",
    ),
    (
        wrong_way(slope=slope_without_square),
        "the slope of tanh is 1 - h_t², with a square.",
    ),
    (
        wrong_way(slope=no_slope),
        "the slope of tanh is missing: d_t = g_t ⊙ (1 - h_t²).",
    ),
    (
        wrong_way(late=True),
        "the slope comes too late: it belongs before the shares and before"
        " Wᵀ, since d is the gradient at a_t.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d: at_state),
        "the weights are right; what you return as ∂L/∂h_0 is ∂L/∂h_1. It"
        " has one more step to go, d_1 Wᵀ.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d: back * (1 - h[0] ** 2)),
        "the weights are right. But ∂L/∂h_0 has a slope too many: h_0 is"
        " given, it did not come out of a tanh. Return d_1 Wᵀ.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d: d),
        "the weights are right; what you return as ∂L/∂h_0 is d_1, the"
        " gradient at a_1. It still has to pass Wᵀ.",
    ),
]


def agrees_with_finite_differences(student):
    """A sentence if the loss itself answers differently when W moves."""
    rng = np.random.default_rng(3)
    T, batch, n_in, n = 4, 2, 2, 3
    W = rng.standard_normal((n, n)) / 2
    U = rng.standard_normal((n_in, n)) / 2
    x = rng.standard_normal((T + 1, batch, n_in))
    direct = rng.standard_normal((T + 1, batch, n))
    direct[0] = 0
    h_0 = np.zeros((batch, n))

    def states(W):
        h = [h_0]
        for t in range(1, T + 1):
            h.append(np.tanh(h[-1] @ W + x[t] @ U))
        return np.array(h)

    def loss(W):
        return np.sum(direct * states(W))

    direction = rng.standard_normal((n, n))
    measured = measured_slope(loss, W, direction)
    claimed = np.sum(student(states(W), x, W, U, direct)[0] * direction)
    if not np.isclose(measured, claimed, rtol=1e-6):
        return (
            f"when W moves a little, a loss changes at the rate"
            f" {measured:.4g}, and your ∂L/∂W says {claimed:.4g}."
        )
    return None


# 5: the parts of the gradient by lag


def lag_net(T, seed, w=0.9, v=1.2):
    """Arguments for exercise 5."""
    x, y, h, y_hat, w, v = scalar_net(T, seed, w=w, v=v)
    dL_dr = (y_hat - y) * (1 - y_hat**2)
    dL_dr[0] = 0
    return h, dL_dr, w, v


def lag_terms(h, dL_dr, w, v):
    """The terms at [s, t], for the loss at s and the use of w at t."""
    T = len(h) - 1
    vjps = scalar_pullbacks(h, np.zeros(T + 1), w)
    terms = np.zeros((T + 1, T + 1))
    for s in range(1, T + 1):
        g = [None] * (T + 1)
        g[s] = np.array([[dL_dr[s] * v]])
        shares = backward(vjps, g).p
        for t in range(1, s + 1):
            terms[s, t] = shares[t - 1]["W"].item()
    return terms


def lag_reference(h, dL_dr, w, v):
    terms = lag_terms(h, dL_dr, w, v)
    return np.array([np.trace(terms, -lag) for lag in range(len(h) - 1)])


def by_use(h, dL_dr, w, v):
    return lag_terms(h, dL_dr, w, v).sum(axis=0)[1:]


def by_loss(h, dL_dr, w, v):
    return lag_terms(h, dL_dr, w, v).sum(axis=1)[1:]


def last_loss_alone(h, dL_dr, w, v):
    return lag_terms(h, dL_dr, w, v)[-1, :0:-1]


def oldest_first(h, dL_dr, w, v):
    return lag_reference(h, dL_dr, w, v)[::-1]


def without_slopes(h, dL_dr, w, v):
    T = len(h) - 1
    parts = np.zeros(T)
    for s in range(1, T + 1):
        for t in range(1, s + 1):
            g = dL_dr[s] * v * w ** (s - t)
            parts[s - t] += g * (1 - h[t] ** 2) * h[t - 1]
    return parts


def wrong_state(h, dL_dr, w, v):
    """The gradient of each term with the state after the step."""
    T = len(h) - 1
    parts = np.zeros(T)
    for s in range(1, T + 1):
        g = dL_dr[s] * v
        for t in range(s, 0, -1):
            d = g * (1 - h[t] ** 2)
            parts[s - t] += d * h[t]
            g = d * w
    return parts


def lag_walk(h, dL_dr, w, v, *, first, factor):
    """Exercise 5, each walk's factor multiplied up on the way.

    ``first`` is what it starts with, ``factor`` what takes it from the use at
    t to that at t - 1.
    """
    T = len(h) - 1
    slope = 1 - h**2
    parts = np.zeros(T)
    for s in range(1, T + 1):
        c = first(dL_dr[s], v, slope[s])
        for t in range(s, 0, -1):
            parts[s - t] += c * h[t - 1]
            c = c * factor(w, slope, s, t)
    return parts


def start_of_walk(dL_dr, v, slope):
    return dL_dr * v * slope


def to_the_use_before(w, slope, s, t):
    return w * slope[t - 1]


def wrong_lags(first=start_of_walk, factor=to_the_use_before):
    """A wrong answer to exercise 5."""

    def wrong(h, dL_dr, w, v):
        return lag_walk(h, dL_dr, w, v, first=first, factor=factor)

    return wrong


def one_walk_for_all(h, dL_dr, w, v):
    """Losses on the way are added to the walk that belongs to loss s."""
    T = len(h) - 1
    parts = np.zeros(T)
    for s in range(1, T + 1):
        g = 0.0
        for t in range(s, 0, -1):
            d = (g + dL_dr[t] * v) * (1 - h[t] ** 2)
            parts[s - t] += d * h[t - 1]
            g = d * w
    return parts


A_POWER = (
    "every step back has a slope of its own. You took that of step s for all"
    " of them, as a power."
)

LAG_HINTS = [
    (
        by_use,
        "these are the sums of the columns, by the step that used w. The lag"
        " is the loss's time minus the use's time, s - t.",
    ),
    (
        by_loss,
        "these are the sums of the rows, by loss. The lag is the loss's time"
        " minus the use's time, s - t.",
    ),
    (
        last_loss_alone,
        "this is the last loss alone. Every loss s has a walk of its own,"
        " down to step 1.",
    ),
    (
        oldest_first,
        "the order is turned round: entry 0 belongs to lag 0, the diagonal"
        " of the table.",
    ),
    (
        without_slopes,
        "between use and loss stand the slopes of all the steps in between,"
        " not the powers of w alone.",
    ),
    (
        wrong_state,
        "every walk ends at the wrong state: w multiplied h_{t-1}, the state"
        " before the use.",
    ),
    (
        wrong_lags(first=lambda dL_dr, v, slope: dL_dr * slope),
        "a v is missing: loss s puts dL_dr[s] * v on its state.",
    ),
    (
        wrong_lags(first=lambda dL_dr, v, slope: dL_dr * v),
        "the first slope is missing in each walk. It starts at the state h_s,"
        " and w acts before the tanh: begin with dL_dr[s] * v * slope[s],"
        " where slope is 1 - h**2.",
    ),
    (
        wrong_lags(factor=lambda w, slope, s, t: w),
        "the first slope of each walk is there, the others are missing. One"
        " step further back costs w and the slope of the step that you come"
        " to.",
    ),
    (
        wrong_lags(factor=lambda w, slope, s, t: slope[t - 1]),
        "the w of each step back is missing: from t to t - 1 it is w times a"
        " slope.",
    ),
    (
        wrong_lags(factor=lambda w, slope, s, t: w * slope[t]),
        "the slopes are one step late. With slope[t] the slope of step s"
        " comes in twice, and that of the use not at all: from t to t - 1"
        " multiply by w * slope[t - 1].",
    ),
    (wrong_lags(factor=lambda w, slope, s, t: w * slope[s]), A_POWER),
    (
        wrong_lags(
            first=lambda dL_dr, v, slope: dL_dr * v,
            factor=lambda w, slope, s, t: w * slope[s],
        ),
        A_POWER,
    ),
    (
        wrong_lags(
            factor=lambda w, slope, s, t: (
                w * slope[s] * slope[t - 1] / slope[t]
            )
        ),
        A_POWER,
    ),
    (
        one_walk_for_all,
        "other losses join in on the way. In the walk of loss s only"
        " dL_dr[s] starts, the rest is zero.",
    ),
]


BETWEEN_STEPS = (
    "that is where the ceiling crosses one per cent; steps are whole, so"
    " round up."
)

EXERCISES = {
    1: Function(
        scalar_reference,
        cases={
            "three steps": scalar_net(3, seed=0),
            "seven steps": scalar_net(7, seed=1),
            "one step": scalar_net(1, seed=2),
            "a start at zero": scalar_net(5, seed=3, h_0=0.0),
            "other weights": scalar_net(4, seed=4, u=-0.3, w=1.1, v=-0.7),
            "entries 0 that are not used": scalar_net(3, seed=5, unused=0.4),
        },
        returns=("∂L/∂u", "∂L/∂w", "∂L/∂v"),
        hints=SCALAR_HINTS,
    ),
    2: Function(
        vector_reference,
        cases={
            "a batch of two, losses at every step": vector_net(4, 2, seed=0),
            "a loss at the last step alone": vector_net(
                4, 2, seed=1, every_step=False
            ),
            "one sample": vector_net(5, 1, seed=2),
            "one step": vector_net(1, 2, seed=3),
            "twelve steps, four samples": vector_net(12, 4, seed=4),
        },
        returns=("∂L/∂W", "∂L/∂U", "∂L/∂b", "∂L/∂h_0"),
        hints=VECTOR_HINTS,
        also=[agrees_with_finite_differences],
    ),
    3: Number(
        21,
        unit="steps",
        rtol=2e-4,
        hints=[
            (20, "0.8^20 is 0.0115, still a little more than one per cent."),
            (22, "certain, but not the smallest: fewer steps are enough."),
            (np.log(0.01) / np.log(0.8), BETWEEN_STEPS),
            (20.6, BETWEEN_STEPS),
            (10, "that is one tenth of one tenth: 0.8^10 is 0.107."),
        ],
        why="0.8^21 is 0.0092. The sequence may be as long as you like.",
    ),
    4: Number(
        50 * 51 // 2,
        rtol=1e-6,
        unit="terms",
        hints=[
            (50, "that would be right for one loss, at the last step."),
            (2500, "a loss does not depend on later uses of w."),
            (1225, "loss s also depends on the use of w in step s itself."),
            (1276, "one too many: the start h_0 is given, no use of w."),
            (
                1326,
                "you counted from 0 to 50. Losses and uses start with step 1:"
                " h_0 has no loss, and no w was used for it.",
            ),
        ],
        why="1 + 2 + … + 50. One walk back adds them all up in 50 steps.",
    ),
    5: Function(
        lag_reference,
        cases={
            "three steps": lag_net(3, seed=0),
            "seven steps": lag_net(7, seed=1),
            "one step": lag_net(1, seed=2),
            "other weights": lag_net(4, seed=4, w=1.1, v=-0.7),
        },
        hints=LAG_HINTS,
    ),
    6: Number(
        0.2,
        hints=[
            (
                0.9**10,
                "shares do not fade here: gradient and state change by the"
                " same factor in opposite directions. Write down two of"
                " them.",
            ),
            (0.8, "that is what is dropped."),
            (10, "as a fraction of the whole derivative."),
        ],
        why="All 50 shares are equal, so ten of them are a fifth.",
    ),
    7: Choice(
        [
            "it learns from 100 steps back",
            "it does not learn from 100 steps back",
            "the log cannot tell",
        ],
        "the log cannot tell",
        hints={
            "it learns from 100 steps back": "near lags alone can keep this"
            " norm up, as at gain 0.5 in the last figure.",
            "it does not learn from 100 steps back": "at gain 1.5 in the last"
            " figure the lags above 10 are as large as lag 0 or larger, and"
            " the norm of the sum is healthy, too.",
        },
        why="The norm is of the sum; only its parts by lag can tell.",
    ),
}
