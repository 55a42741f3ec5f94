"""The exercises of the chapter on backpropagation through time."""

from itertools import permutations
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


SHARES = {
    "u": lambda net, t, dL_dr, g, d: d * net.x[t],
    "w": lambda net, t, dL_dr, g, d: d * net.h[t - 1],
    "v": lambda net, t, dL_dr, g, d: dL_dr * net.h[t],
}


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
    shares=SHARES,
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
        new = [share(net, t, dL_dr, g, d) for share in shares.values()]
        sums = sums + new if add else new
    return tuple(sums)


def wrong_walk(**piece):
    """A wrong answer to exercise 1."""

    def wrong(*given):
        return scalar_walk(*given, **piece)

    return wrong


def wrong_shares(**other):
    """A wrong answer to exercise 1, with other shares of these weights."""
    return wrong_walk(shares=SHARES | other)


def in_another_order(function, names):
    """Hints for every order in which its results should not stand."""

    def in_order(order):
        def wrong(*given):
            results = function(*given)
            return tuple(results[i] for i in order)

        return wrong

    right, *others = permutations(range(len(names)))
    wanted = ", ".join(names)
    said = f"all parts are right, but not their order: return {wanted}."
    return [(in_order(order), said) for order in others]


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


def loop_hints(wrong):
    """What is said to slips in either loop, that of exercise 1 or of 2.

    wrong : callable
        Returns a wrong answer, from the piece that is another.
    """
    return [
        (
            wrong(times=last_alone),
            "this is the last step's share alone. Every step used the"
            " weights: add its share to the sums inside the loop.",
        ),
        (
            wrong(add=False),
            "this is the first step's share alone. Each share has overwritten"
            " the one before: add them with +=.",
        ),
        (
            wrong(times=all_but_the_first),
            "the first step is missing. range stops before its end:"
            " range(T, 0, -1) goes down to 1.",
        ),
        (
            wrong(times=all_but_the_last),
            "the last step is missing. The loop starts at T = len(h) - 1,"
            " since h has an entry 0 as well.",
        ),
        (
            wrong(times=forwards),
            "the loop runs forwards in time. Each step needs what the step"
            " after it hands back: start at the last step and go back.",
        ),
        (
            wrong(slope=slope_before),
            "the slope is taken at the wrong state. Step t made h_t, so the"
            " slope there is 1 - h_t², not 1 - h_{t-1}².",
        ),
        (
            wrong(slope=tanh_slope_again),
            "h_t is tanh(a_t) already. Its slope is 1 - h_t²; you took the"
            " tanh a second time.",
        ),
        (
            wrong(slope=slope_without_square),
            "the slope of tanh is 1 - h_t², with a square.",
        ),
        (
            wrong(slope=no_slope),
            "the slope of tanh at the state is missing: d_t is g_t times"
            " 1 - h_t².",
        ),
    ]


def past_the_end(x, y, h, y_hat, w, v):
    """Exercise 1 with a d for every time up to T, and none after it."""
    d = np.zeros(len(h))
    return d[len(h)]


SCALAR_RETURNS = ("∂L/∂u", "∂L/∂w", "∂L/∂v")

SCALAR_HINTS = [
    *loop_hints(wrong_walk),
    *in_another_order(scalar_reference, SCALAR_RETURNS),
    (
        wrong_shares(w=lambda net, t, dL_dr, g, d: d * net.h[t]),
        "the share of w has the wrong state. w multiplied the state before"
        " the step: d_t goes with h_{t-1}, not with h_t.",
    ),
    (
        wrong_shares(v=lambda net, t, dL_dr, g, d: dL_dr * net.h[t - 1]),
        "the share of v has the wrong state: the output of step t was read"
        " off h_t.",
    ),
    (
        wrong_shares(v=lambda net, t, dL_dr, g, d: d * net.h[t]),
        "the share of v needs ∂L/∂r_t, the gradient where v acted. You took"
        " d, the gradient at a_t.",
    ),
    (
        wrong_shares(
            v=lambda net, t, dL_dr, g, d: (net.y_hat[t] - net.y[t]) * net.h[t]
        ),
        "the share of v needs ∂L/∂r_t: the error times the slope of the"
        " output's tanh, 1 - ŷ_t².",
    ),
    (
        wrong_walk(
            at_output=lambda net, t: (
                (net.y_hat[t] - net.y[t]) * (1 - net.h[t] ** 2)
            )
        ),
        "the output has a tanh of its own, at r_t: its slope is 1 - ŷ_t², not"
        " 1 - h_t².",
    ),
    (
        wrong_walk(
            at_state=lambda net, t, dL_dr, g_after, d_after: (
                dL_dr * net.v + d_after * net.v
            )
        ),
        "from step t + 1 the gradient comes back through w, not through v:"
        " d_{t+1} w.",
    ),
    (
        wrong_shares(v=lambda net, t, dL_dr, g, d: g * net.h[t]),
        "the share of v needs ∂L/∂r_t, the gradient where v acted. You took"
        " g, the gradient at h_t.",
    ),
    (
        wrong_shares(
            u=lambda net, t, dL_dr, g, d: g * net.x[t],
            w=lambda net, t, dL_dr, g, d: g * net.h[t - 1],
        ),
        "the shares of u and w need d, the gradient at a_t, where these"
        " weights acted. You took g, the gradient at h_t.",
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
    (
        past_the_end,
        "an index is larger than T, the last one. There is no step after the"
        " last, so d_{T+1} is 0. Give d one more entry, np.zeros(T + 2), or"
        " keep the d of the step after in a number that starts at 0.",
    ),
]


# 2: the way back of an RNN with vectors


def vector_net(T, batch, seed, every_step=True):
    """Arguments for exercise 2, with losses at all steps or at the last."""
    rng = np.random.default_rng(seed)
    n_in, n = 5, 3  # no batch below has these sizes
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


def through_weights(d, at_state, back, W):
    return d @ W.T


def gradient_at_start(h, back, at_state, d, W):
    return back


VECTOR_SHARES = {
    "W": lambda h, x, d, t: h[t - 1].T @ d,
    "U": lambda h, x, d, t: x[t].T @ d,
    "b": lambda h, x, d, t: d.sum(axis=0),
}


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
    shares=VECTOR_SHARES,
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
        new = [share(h, x, d, t) for share in shares.values()]
        if add:
            new = [a + b for a, b in zip(sums, new, strict=True)]
        sums = new
        back = hand_back(d, at_state, back, W)
        if late:
            back = back * slope(h, t)
    return (*sums, start(h, back, at_state, d, W))


def wrong_way(**piece):
    """A wrong answer to exercise 2."""

    def wrong(*given):
        return vector_walk(*given, **piece)

    return wrong


def wrong_vector_share(**other):
    """A wrong answer to exercise 2, with another share of this weight."""
    return wrong_way(shares=VECTOR_SHARES | other)


VECTOR_RETURNS = ("∂L/∂W", "∂L/∂U", "∂L/∂b", "∂L/∂h_0")

OVER_THE_BATCH = (
    "you divided by the batch. L is the sum over the batch, not the mean. If"
    " a loss takes the mean, its 1/batch is already in direct."
)

SAMPLE_BY_SAMPLE = (
    "h_{t-1} d_tᵀ has a number for each pair of samples, (batch, batch). The"
    " share of W has the shape of W: h_{t-1}ᵀ d_t, with h[t - 1].T in front."
    " For U it is x[t].T in front."
)


def past_the_last_state(h, x, W, U, direct):
    """Exercise 2 with a d for every time up to T, and none after it."""
    d = np.zeros_like(h)
    return d[len(h)]


VECTOR_HINTS = [
    *loop_hints(wrong_way),
    (
        past_the_last_state,
        "an index is larger than T, the last one. There is no step after the"
        " last, so d_{T+1} is 0. Give d one more entry, or keep what comes"
        " back from the step after in an array that starts at zero.",
    ),
    (
        wrong_way(
            start=lambda h, back, at_state, d, W: np.zeros_like(h[0]),
        ),
        "∂L/∂h_0 is not zero: there is no loss at time 0, but step 1 hands"
        " d_1 Wᵀ back to h_0.",
    ),
    *in_another_order(vector_reference, VECTOR_RETURNS),
    (
        wrong_vector_share(
            W=lambda h, x, d, t: h[t - 1] @ d.T,
            U=lambda h, x, d, t: x[t] @ d.T,
        ),
        SAMPLE_BY_SAMPLE,
    ),
    (
        wrong_vector_share(W=lambda h, x, d, t: h[t - 1] @ d.T),
        SAMPLE_BY_SAMPLE,
    ),
    (
        wrong_vector_share(U=lambda h, x, d, t: x[t] @ d.T),
        SAMPLE_BY_SAMPLE,
    ),
    (
        wrong_vector_share(W=lambda h, x, d, t: h[t - 1] @ d),
        "the shapes of a product do not fit: one of its sides has to be"
        " transposed. The table above gives the shape of each product.",
    ),
    (
        wrong_vector_share(W=lambda h, x, d, t: h[t].T @ d),
        "the share of W has the wrong state: W multiplied h_{t-1}, so the"
        " share is h_{t-1}ᵀ d_t, not h_tᵀ d_t.",
    ),
    (
        wrong_vector_share(U=lambda h, x, d, t: x[t - 1].T @ d),
        "the share of U has the wrong input: step t read x_t.",
    ),
    (
        wrong_vector_share(b=lambda h, x, d, t: d.mean(axis=0)),
        "one bias serves all samples, so its gradient is their sum, not"
        " their mean.",
    ),
    (
        wrong_vector_share(
            W=lambda h, x, d, t: h[t - 1].T @ d / len(d),
            U=lambda h, x, d, t: x[t].T @ d / len(d),
            b=lambda h, x, d, t: d.mean(axis=0),
        ),
        OVER_THE_BATCH,
    ),
    (
        wrong_vector_share(
            W=lambda h, x, d, t: h[t - 1].T @ d / len(d),
            U=lambda h, x, d, t: x[t].T @ d / len(d),
        ),
        OVER_THE_BATCH,
    ),
    (
        wrong_way(
            state=lambda direct, t, back: direct[t] / len(back) + back,
        ),
        OVER_THE_BATCH,
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
        wrong_way(
            hand_back=lambda d, at_state, back, W: d @ W,
            start=lambda h, back, at_state, d, W: d @ W.T,
        ),
        "inside the loop a transpose is missing: from step to step it is"
        " d Wᵀ, as in your ∂L/∂h_0.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d, W: d @ W),
        "the weights are right. In ∂L/∂h_0 a transpose is missing: it is"
        " d_1 Wᵀ, as inside the loop.",
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
        wrong_way(late=True),
        "the slope comes too late: it belongs before the shares and before"
        " Wᵀ, since d is the gradient at a_t.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d, W: at_state),
        "the weights are right; what you return as ∂L/∂h_0 is ∂L/∂h_1. It"
        " has one more step to go, d_1 Wᵀ.",
    ),
    (
        wrong_way(
            start=lambda h, back, at_state, d, W: back * (1 - h[0] ** 2)
        ),
        "the weights are right. But ∂L/∂h_0 has a slope too many: h_0 is"
        " given, it did not come out of a tanh. Return d_1 Wᵀ.",
    ),
    (
        wrong_way(start=lambda h, back, at_state, d, W: d),
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


# 6: the parts of the gradient by lag


def lag_net(T, seed, w=0.9, v=1.2):
    """Arguments for exercise 6."""
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


def by_lag(terms):
    return np.array([np.trace(terms, -lag) for lag in range(len(terms) - 1)])


def from_terms(sort):
    """An answer to exercise 6: all terms, sorted in this way."""

    def answer(*given):
        return sort(lag_terms(*given))

    return answer


def lag_walk(h, dL_dr, w, v, *, first, factor, last):
    """Exercise 6, each walk's factor multiplied up on the way.

    ``first`` is what it starts with, ``factor`` what takes it from the use at
    t to that at t - 1, ``last`` the state with which a term ends.
    """
    T = len(h) - 1
    slope = 1 - h**2
    parts = np.zeros(T)
    for s in range(1, T + 1):
        c = first(dL_dr[s], v, slope[s])
        for t in range(s, 0, -1):
            parts[s - t] += c * last(h, t)
            c = c * factor(w, slope, s, t)
    return parts


def start_of_walk(dL_dr, v, slope):
    return dL_dr * v * slope


def to_the_use_before(w, slope, s, t):
    return w * slope[t - 1]


def state_before(h, t):
    return h[t - 1]


def wrong_lags(
    first=start_of_walk, factor=to_the_use_before, last=state_before
):
    """A wrong answer to exercise 6."""

    def wrong(h, dL_dr, w, v):
        return lag_walk(h, dL_dr, w, v, first=first, factor=factor, last=last)

    return wrong


A_POWER = (
    "every step back has a slope of its own. You took that of step s for all"
    " of them, as a power."
)

LAG_HINTS = [
    (
        from_terms(lambda terms: terms.sum(axis=0)[1:]),
        "these are the sums of the columns, by the step that used w. The lag"
        " is the loss's time minus the use's time, s - t.",
    ),
    (
        from_terms(lambda terms: terms.sum(axis=0)[:0:-1]),
        "these are the sums of the columns, by the step that used w, the"
        " newest first. In a column the losses lie at different lags: each"
        " loss s needs a walk of its own.",
    ),
    (
        from_terms(lambda terms: terms.sum(axis=1)[1:]),
        "these are the sums of the rows, by loss. The lag is the loss's time"
        " minus the use's time, s - t.",
    ),
    (
        from_terms(lambda terms: terms[-1, :0:-1]),
        "only the last loss is left. Every loss s has a walk of its own, down"
        " to step 1. If your loop walks from all of them, a later loss"
        " overwrites an earlier one: add with +=.",
    ),
    (
        from_terms(lambda terms: by_lag(terms)[::-1]),
        "the order is turned round: entry 0 belongs to lag 0, the diagonal"
        " of the table.",
    ),
    (
        from_terms(lambda terms: by_lag(np.cumsum(terms, axis=0))),
        "other losses join in on the way. In the walk of loss s only"
        " dL_dr[s] starts, the rest is zero.",
    ),
    (
        wrong_lags(factor=lambda w, slope, s, t: w * slope[t - 1] / slope[t]),
        "between use and loss stand the slopes of all the steps in between,"
        " not the powers of w alone.",
    ),
    (
        from_terms(lambda terms: by_lag(terms * (np.arange(len(terms)) > 1))),
        "the walks stop too early, at step 2. range stops before its end:"
        " range(s, 0, -1) goes down to step 1.",
    ),
    (
        wrong_lags(
            first=lambda dL_dr, v, slope: dL_dr * v,
            factor=lambda w, slope, s, t: w,
        ),
        "all slopes of tanh are missing. Each step that a walk goes through"
        " brings 1 - h_t², that of loss s and that of the use, too.",
    ),
    (
        wrong_lags(last=lambda h, t: h[t]),
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
]


BETWEEN_STEPS = (
    "that is where the ceiling crosses one per cent; steps are whole, so"
    " round up."
)
EQUAL_SHARES = (
    "nothing fades here. Without inputs and slopes all shares are equal: this"
    " is the power rule again."
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
        returns=SCALAR_RETURNS,
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
        returns=VECTOR_RETURNS,
        hints=VECTOR_HINTS,
        also=[agrees_with_finite_differences],
    ),
    3: Number(
        0.2,
        hints=[
            (
                0.9**10,
                "shares do not fade here: gradient and state change by the"
                " same factor in opposite directions. Write down two of"
                " them.",
            ),
            (0, EQUAL_SHARES),
            (0.9**40, EQUAL_SHARES),
            (0.8, "that is what is dropped."),
            (
                10 / 49,
                "the share of step 1 counts, too: h_0 is not zero here.",
            ),
            (
                0.1,
                "ten shares are kept. How many are there, and how large is"
                " each?",
            ),
            (
                0.21,
                "nothing has to be rounded here. All shares are equal: divide"
                " the number of those kept by the number of all.",
            ),
            (10, "as a fraction of the whole derivative."),
            (20, "that is per cent. Give the fraction, a number up to 1."),
            (5, "that is one over it: ten of fifty, not fifty over ten."),
        ],
        why="All 50 shares are equal, so ten of them are a fifth.",
    ),
    4: Number(
        21,
        unit="steps",
        rtol=2e-4,
        hints=[
            (20, "0.8^20 is 0.0115, still a little more than one per cent."),
            (22, "certain, but not the smallest: fewer steps are enough."),
            (18, "0.8^18 is 0.018, still nearly two per cent."),
            (19, "0.8^19 is 0.014, still more than one per cent."),
            (np.log(0.01) / np.log(0.8), BETWEEN_STEPS),
            (20.6, BETWEEN_STEPS),
            (10, "that is one tenth of one tenth: 0.8^10 is 0.107."),
            (
                31,
                "certain, but not the smallest. At 31 a share drops in the"
                " figure, in one net. What is asked for is the gradient,"
                " with any inputs: look at its ceiling.",
            ),
            (
                40,
                "certain, but not the smallest. 40 steps are all that the"
                " figure shows; the ceiling gets there earlier.",
            ),
            (
                5,
                "each step takes 20 per cent of what has come so far, not of"
                " the gradient at the end: 0.8^5 is 0.33.",
            ),
        ],
        why="0.8^21 is 0.0092. The sequence may be as long as you like.",
    ),
    5: Number(
        50 * 51 // 2,
        rtol=1e-6,
        unit="terms",
        hints=[
            (50, "that would be right for one loss, at the last step."),
            (2500, "a loss does not depend on later uses of w."),
            (
                2550,
                "50 · 51 is twice as many: 1 + 2 + … + 50 is half of it.",
            ),
            (
                1250,
                "half of the square, 50 · 50 / 2, has cut the diagonal in"
                " two. All of its terms count.",
            ),
            (1225, "loss s also depends on the use of w in step s itself."),
            (
                1176,
                "that is 1 + 2 + … + 48. Loss s has s terms, and the last"
                " loss is that of step 50.",
            ),
            (1276, "one too many: the start h_0 is given, no use of w."),
            (
                1326,
                "you counted from 0 to 50. Losses and uses start with step 1:"
                " h_0 has no loss, and no w was used for it.",
            ),
        ],
        why="1 + 2 + … + 50. One walk back adds them all up in 50 steps.",
    ),
    6: Function(
        from_terms(by_lag),
        cases={
            "three steps": lag_net(3, seed=0),
            "seven steps": lag_net(7, seed=1),
            "one step": lag_net(1, seed=2),
            "other weights": lag_net(4, seed=4, w=1.1, v=-0.7),
        },
        hints=LAG_HINTS,
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
            " figure the lags above 10 weigh about as much as lag 0, and the"
            " norm of the sum looks healthy, too.",
        },
        why="The norm is of the sum; only its parts by lag can tell.",
    ),
}
