"""The exercises of the chapter on backpropagation through time."""

import numpy as np

from gradtrace import RNN, backward, forward, unroll
from gradtrace.check import slope
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


def scalar_net(T, seed, h_0=0.5):
    """Arguments for exercise 1: a net that has read T numbers."""
    rng = np.random.default_rng(seed)
    u, w, v = 0.5, 0.9, 1.2
    x = np.zeros(T + 1)
    y = np.zeros(T + 1)
    h = np.zeros(T + 1)
    y_hat = np.zeros(T + 1)
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


def scalar_loop(
    x,
    y,
    h,
    y_hat,
    w,
    v,
    *,
    times=None,
    from_output=True,
    last_output=False,
    from_next=True,
    state=-1,
    slope_at=0,
    slope_of_state=None,
    output_slope=True,
):
    """The loop of exercise 1, and by its switches the ways to get it wrong."""
    T = len(h) - 1
    du = dw = dv = 0.0
    d_next = 0.0
    for t in range(T, 0, -1) if times is None else times(T):
        dL_dr = y_hat[t] - y[t]
        if output_slope:
            dL_dr = dL_dr * (1 - y_hat[t] ** 2)
        g = 0.0
        if from_output or (last_output and t == T):
            g += dL_dr * v
        if from_next:
            g += d_next * w
        at = h[t + slope_at]
        d = g * (slope_of_state(at) if slope_of_state else 1 - at**2)
        du += d * x[t]
        dw += d * h[t + state]
        dv += dL_dr * h[t]
        d_next = d
    return du, dw, dv


def wrong_loop(**how):
    """A wrong answer to exercise 1."""

    def wrong(*given):
        return scalar_loop(*given, **how)

    return wrong


def slope_of_tanh_again(h):
    return 1 - np.tanh(h) ** 2


SCALAR_HINTS = [
    (
        wrong_loop(times=lambda T: [T]),
        "this is the last step's share alone. Every step used w, u and v:"
        " add its share to the sums inside the loop.",
    ),
    (
        wrong_loop(state=0),
        "the share of w has the wrong state. w multiplied the state before"
        " the step: d_t goes with h_{t-1}, not with h_t.",
    ),
    (
        wrong_loop(from_output=False, last_output=True),
        "only the last output speaks to its state here. Every step has a"
        " loss of its own, so each g_t starts with what its own output"
        " hands down.",
    ),
    (
        wrong_loop(from_next=False),
        "nothing goes back in time here. State h_t is read by step t + 1,"
        " too: add d_{t+1} w to g_t.",
    ),
    (
        wrong_loop(times=lambda T: range(1, T + 1)),
        "the loop runs forwards in time. g_t needs d_{t+1}, so start at the"
        " last step and go back.",
    ),
    (
        wrong_loop(slope_at=-1),
        "the slope is taken at the wrong state. Step t made h_t, so the"
        " slope there is 1 - h_t², not 1 - h_{t-1}².",
    ),
    (
        wrong_loop(slope_of_state=slope_of_tanh_again),
        "h_t is tanh(a_t) already. Its slope is 1 - h_t²; you took the tanh"
        " a second time.",
    ),
    (
        wrong_loop(slope_of_state=np.ones_like),
        "the slope of tanh at the state is missing: d_t = g_t (1 - h_t²).",
    ),
    (
        wrong_loop(output_slope=False),
        "the output has a tanh of its own: the error at the output times"
        " 1 - ŷ_t² is what reaches r_t.",
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
    g = np.zeros((T + 1, batch, n))
    first = 1 if every_step else T
    g[first:] = rng.standard_normal((T + 1 - first, batch, n))
    return h, x, W, U, g


def vector_reference(h, x, W, U, g):
    grads = backward(pullbacks(h, x, W, U), [*g])
    sums = grads.shared()
    return sums["W"], sums["U"][: len(U)], sums["b"], grads.h[0]


def vector_loop(
    h,
    x,
    W,
    U,
    g,
    *,
    times=None,
    state=-1,
    input_at=0,
    direct="each",
    slope_at=0,
    late_slope=False,
    handed_on="d @ W.T",
    sum_batch=True,
):
    """The loop of exercise 2, and by its switches the ways to get it wrong."""
    T = len(h) - 1
    dW = np.zeros_like(W)
    dU = np.zeros_like(U)
    db = np.zeros(W.shape[0])
    back = np.zeros_like(h[0])
    for t in range(T, 0, -1) if times is None else times(T):
        arrived = back + (g[t] if direct == "each" or t == T else 0)
        slopes = 1 - h[t + slope_at] ** 2
        d = arrived if late_slope else arrived * slopes
        dW += h[t + state].T @ d
        dU += x[t + input_at].T @ d
        db += d.sum(axis=0) if sum_batch else d.mean(axis=0)
        back = {
            "d @ W.T": d @ W.T,
            "d @ W": d @ W,
            "arrived @ W.T": arrived @ W.T,
        }[handed_on]
        if late_slope:
            back = back * slopes
    return dW, dU, db, back


def wrong_way(**how):
    """A wrong answer to exercise 2."""

    def wrong(*given):
        return vector_loop(*given, **how)

    return wrong


VECTOR_HINTS = [
    (
        wrong_way(times=lambda T: [T]),
        "this is the last step alone. The weights were used at every step:"
        " walk on, and add every step's share.",
    ),
    (
        wrong_way(state=0),
        "the share of W has the wrong state: W multiplied h_{t-1}, so the"
        " share is h_{t-1}ᵀ d_t, not h_tᵀ d_t.",
    ),
    (
        wrong_way(input_at=-1),
        "the share of U has the wrong input: step t read x_t.",
    ),
    (
        wrong_way(direct="last"),
        "the loss is heard at the last step only. At each step, add what the"
        " loss puts directly on h_t, g[t], to what comes back from the step"
        " after.",
    ),
    (
        wrong_way(handed_on="d @ W"),
        "a transpose is missing: forward it was h W, backward it is d Wᵀ.",
    ),
    (
        wrong_way(handed_on="arrived @ W.T"),
        "what goes back to h_{t-1} has skipped the slope: first"
        " d = g ⊙ (1 - h_t²), then d Wᵀ.",
    ),
    (
        wrong_way(slope_at=-1),
        "the slope is taken at the wrong state. Step t made h_t, so the"
        " slope there is 1 - h_t².",
    ),
    (
        wrong_way(late_slope=True),
        "the slope comes too late: it belongs before the shares and before"
        " Wᵀ, since d is the gradient at a_t.",
    ),
    (
        wrong_way(times=lambda T: range(1, T + 1)),
        "the loop runs forwards in time. Start at the last step: each step"
        " needs what the step after it hands back.",
    ),
    (
        wrong_way(sum_batch=False),
        "one bias serves all samples, so its gradient is their sum, not"
        " their mean.",
    ),
]


def agrees_with_finite_differences(student):
    """A sentence if the loss itself answers differently when W moves."""
    rng = np.random.default_rng(3)
    T, batch, n_in, n = 4, 2, 2, 3
    W = rng.standard_normal((n, n)) / 2
    U = rng.standard_normal((n_in, n)) / 2
    x = rng.standard_normal((T + 1, batch, n_in))
    g = rng.standard_normal((T + 1, batch, n))
    g[0] = 0
    h_0 = np.zeros((batch, n))

    def states(W):
        h = [h_0]
        for t in range(1, T + 1):
            h.append(np.tanh(h[-1] @ W + x[t] @ U))
        return np.array(h)

    def loss(W):
        return np.sum(g * states(W))

    direction = rng.standard_normal((n, n))
    measured = slope(loss, W, direction)
    claimed = np.sum(student(states(W), x, W, U, g)[0] * direction)
    if not np.isclose(measured, claimed, rtol=1e-6):
        return (
            f"when W moves a little, a loss changes at the rate"
            f" {measured:.4g}, and your ∂L/∂W says {claimed:.4g}."
        )
    return None


# 5: the parts of the gradient by lag


def lag_net(T, seed):
    """Arguments for exercise 5."""
    x, y, h, y_hat, w, v = scalar_net(T, seed)
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
        one_walk_for_all,
        "other losses join in on the way. In the walk of loss s only"
        " dL_dr[s] starts, the rest is zero.",
    ),
]


EXERCISES = {
    1: Function(
        scalar_reference,
        cases={
            "three steps": scalar_net(3, seed=0),
            "seven steps": scalar_net(7, seed=1),
            "one step": scalar_net(1, seed=2),
            "a start at zero": scalar_net(5, seed=3, h_0=0.0),
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
        },
        returns=("∂L/∂W", "∂L/∂U", "∂L/∂b", "∂L/∂h_0"),
        hints=VECTOR_HINTS,
        also=[agrees_with_finite_differences],
    ),
    3: Number(
        21,
        unit="steps",
        rtol=1e-6,
        hints=[
            (20, "0.8^20 is 0.0115, still a little more than one per cent."),
            (
                np.log(0.01) / np.log(0.8),
                "that is where the ceiling crosses one per cent; steps are"
                " whole, so round up.",
            ),
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
        ],
        why="1 + 2 + … + 50. One walk back adds them all up in 50 steps.",
    ),
    5: Function(
        lag_reference,
        cases={
            "three steps": lag_net(3, seed=0),
            "seven steps": lag_net(7, seed=1),
            "one step": lag_net(1, seed=2),
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
            "it does not learn from 100 steps back": "at gain 1.5 far lags"
            " are much of the sum, and its norm is healthy, too.",
        },
        why="The norm is of the sum; only its parts by lag can tell.",
    ),
}
