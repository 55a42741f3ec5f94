"""The exercises of the chapter on one step of learning."""

from itertools import pairwise

import numpy as np

from gradtrace import Dense, Softmax, deep, forward
from gradtrace.notebook.exercises import Choice, Function, Number


def some_params(*sizes):
    """Parameters of layers between these sizes."""
    rng = np.random.default_rng(0)
    return [
        {"W": rng.standard_normal((n, m)), "b": rng.standard_normal(m)}
        for n, m in pairwise(sizes)
    ]


def some_batch(rows, columns):
    return np.random.default_rng(1).standard_normal((rows, columns))


def scores(params, h):
    """By the package."""
    layers = [Dense(*p["W"].shape, "tanh") for p in params]
    layers[-1] = Dense(*params[-1]["W"].shape, "identity")
    h, _ = forward(deep(layers, params), h)
    return h[-1]


def squashed_last(params, h):
    for p in params:
        h = np.tanh(h @ p["W"] + p["b"])
    return h


def never_squashed(params, h):
    for p in params:
        h = h @ p["W"] + p["b"]
    return h


def without_bias(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"])
    return h @ params[-1]["W"]


def last_without_bias(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
    return h @ params[-1]["W"]


def last_left_out(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
    return h


def transposed(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"].T + p["b"])
    return h @ params[-1]["W"].T + params[-1]["b"]


def entry_by_entry(params, h):
    for p in params[:-1]:
        h = np.tanh(h * p["W"] + p["b"])
    return h * params[-1]["W"] + params[-1]["b"]


def bias_outside(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"]) + p["b"]
    return h @ params[-1]["W"] + params[-1]["b"]


def always_the_picture(params, h):
    for p in params[:-1]:
        out = np.tanh(h @ p["W"] + p["b"])
    return out @ params[-1]["W"] + params[-1]["b"]


def columns_of_states(params, h):
    for p in params[:-1]:
        h = np.tanh(p["W"] @ h + p["b"])
    return params[-1]["W"] @ h + params[-1]["b"]


def of_32_pictures(params, h):
    u = []
    for k in range(32):
        u.append(scores(params, h[[k]])[0])
    return np.array(u)


def of_three_layers(params, h):
    h = np.tanh(h @ params[0]["W"] + params[0]["b"])
    h = np.tanh(h @ params[1]["W"] + params[1]["b"])
    return h @ params[2]["W"] + params[2]["b"]


def by_relu(params, h):
    for p in params[:-1]:
        h = np.maximum(h @ p["W"] + p["b"], 0)
    return h @ params[-1]["W"] + params[-1]["b"]


def by_sigmoid(params, h):
    for p in params[:-1]:
        h = 1 / (1 + np.exp(-(h @ p["W"] + p["b"])))
    return h @ params[-1]["W"] + params[-1]["b"]


def bias_subtracted(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] - p["b"])
    return h @ params[-1]["W"] - params[-1]["b"]


def last_twice(params, h):
    for p in params:
        h = np.tanh(h @ p["W"] + p["b"])
    return h @ params[-1]["W"] + params[-1]["b"]


def first_left_out(params, h):
    for p in params[1:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
    return h @ params[-1]["W"] + params[-1]["b"]


def last_but_one_left_out(params, h):
    for p in params[:-2]:
        h = np.tanh(h @ p["W"] + p["b"])
    return h @ params[-1]["W"] + params[-1]["b"]


def last_but_one_twice(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
    return h @ p["W"] + p["b"]


def of_two_layers(params, h):
    h = np.tanh(h @ params[0]["W"] + params[0]["b"])
    return h @ params[1]["W"] + params[1]["b"]


def always_the_first_layer(params, h):
    for _ in params[:-1]:
        h = np.tanh(h @ params[0]["W"] + params[0]["b"])
    return h @ params[-1]["W"] + params[-1]["b"]


def answers(params, h):
    return scores(params, h).argmax(axis=1)


def returns_too_early_with_last(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
        return h @ params[-1]["W"] + params[-1]["b"]


def squashed_twice_at_most(params, h):
    for l, p in enumerate(params):
        h = h @ p["W"] + p["b"]
        if l < min(2, len(params) - 1):
            h = np.tanh(h)
    return h


def states_alone(params, h):
    states = []
    for p in params[:-1]:
        h = np.tanh(h @ p["W"] + p["b"])
        states.append(h)
    return states


def all_states(params, h):
    states = [h]
    for p in params[:-1]:
        states.append(np.tanh(states[-1] @ p["W"] + p["b"]))
    return [*states, scores(params, h)]


def dict_unpacked(params, h):
    for W, b in params[:-1]:
        h = np.tanh(h @ W + b)
    return h @ params[-1][0] + params[-1][1]


def dict_with_dots(params, h):
    for p in params[:-1]:
        h = np.tanh(h @ p.W + p.b)
    return h @ params[-1].W + params[-1].b


def returns_too_early(params, h):
    for p in params[:-1]:
        return np.tanh(h @ p["W"] + p["b"])


def probabilities(params, h):
    return softmax(scores(params, h))


def softmax(u):
    """By the package."""
    p, _ = Softmax(u.shape[1])({}, u)
    return p


def as_it_stands(u):
    with np.errstate(all="ignore"):
        e = np.exp(u)
        return e / e.sum(axis=1, keepdims=True)


def over_columns(u):
    e = np.exp(u - u.max(axis=0))
    return e / e.sum(axis=0)


def over_all(u):
    e = np.exp(u - u.max())
    return e / e.sum()


def over_all_as_it_stands(u):
    with np.errstate(all="ignore"):
        e = np.exp(u)
        return e / e.sum()


def without_keepdims(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.max(axis=1))
        return e / e.sum(axis=1)


def as_it_stands_without_keepdims(u):
    with np.errstate(all="ignore"):
        e = np.exp(u)
        return e / e.sum(axis=1)


def subtracted_in_the_numerator(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.max(axis=1, keepdims=True))
        return e / np.exp(u).sum(axis=1, keepdims=True)


def sum_without_keepdims(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1)


def maximum_without_keepdims(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.max(axis=1))
        return e / e.sum(axis=1, keepdims=True)


def sum_over_all(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum()


def sum_over_columns(u):
    e = np.exp(u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=0)


def smallest_subtracted(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.min(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def mean_subtracted(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.mean(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def divided_by_largest(u):
    e = np.exp(u / u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cut_off(u):
    e = np.exp(np.minimum(u, 700))
    return e / e.sum(axis=1, keepdims=True)


def other_way_round(u):
    return softmax(-u)


def largest_less_score(u):
    with np.errstate(all="ignore"):
        e = np.exp(u.max(axis=1, keepdims=True) - u)
        return e / e.sum(axis=1, keepdims=True)


def without_exponential(u):
    return u - u.max(axis=1, keepdims=True)


def divided_by_largest_exponential(u):
    with np.errstate(all="ignore"):
        return np.exp(u) / np.exp(u.max(axis=1, keepdims=True))


def powers_of_two(u):
    e = 2.0 ** (u - u.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def logarithms(u):
    with np.errstate(all="ignore"):
        return np.log(softmax(u))


def rounded(u):
    return softmax(u).round(2)


def subtracted_after_exponential(u):
    with np.errstate(all="ignore"):
        e = np.exp(u)
        e = e - e.max(axis=1, keepdims=True)
        return e / e.sum(axis=1, keepdims=True)


def largest_score_after_exponential(u):
    with np.errstate(all="ignore"):
        e = np.exp(u) - u.max(axis=1, keepdims=True)
        return e / e.sum(axis=1, keepdims=True)


def largest_score_after_exponential_not_divided(u):
    with np.errstate(all="ignore"):
        return np.exp(u) - u.max(axis=1, keepdims=True)


def largest_of_all(u):
    with np.errstate(all="ignore"):
        e = np.exp(u - u.max())
        return e / e.sum(axis=1, keepdims=True)


def not_divided(u):
    return np.exp(u - u.max(axis=1, keepdims=True))


def divided_without_exponential(u):
    z = u - u.max(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return z / z.sum(axis=1, keepdims=True)


def descend(slope, w, rate, updates):
    for _ in range(updates):
        w = w - rate * slope(w)
    return w


def uphill(slope, w, rate, updates):
    for _ in range(updates):
        w = w + rate * slope(w)
    return w


def slope_of_the_start(slope, w, rate, updates):
    return w - updates * rate * slope(w)


def without_rate(slope, w, rate, updates):
    for _ in range(updates):
        w = w - slope(w)
    return w


def a_single_update(slope, w, rate, updates):
    return w - rate * slope(w)


def one_more(slope, w, rate, updates):
    return descend(slope, w, rate, updates + 1)


def one_less(slope, w, rate, updates):
    return descend(slope, w, rate, updates - 1)


def slope_written_in(slope, w, rate, updates):
    return descend(slope_of_square, w, rate, updates)


def only_the_step(slope, w, rate, updates):
    for _ in range(updates):
        w = -rate * slope(w)
    return w


def only_the_slope(slope, w, rate, updates):
    for _ in range(updates):
        w = rate * slope(w)
    return w


def divided_by_rate(slope, w, rate, updates):
    for _ in range(updates):
        w = w - slope(w) / rate
    return w


def only_the_sign(slope, w, rate, updates):
    for _ in range(updates):
        w = w - rate * np.sign(slope(w))
    return w


def times_w(slope, w, rate, updates):
    for _ in range(updates):
        w = w - rate * slope(w) * w
    return w


def times_updates(slope, w, rate, updates):
    for _ in range(updates):
        w = w - updates * rate * slope(w)
    return w


def slope_of_the_count(slope, w, rate, updates):
    for k in range(updates):
        w = w - rate * slope(k)
    return w


def last_slope(slope, w, rate, updates):
    return slope(descend(slope, w, rate, updates))


def list_of_all(slope, w, rate, updates):
    ways = [w]
    for _ in range(updates):
        ways.append(ways[-1] - rate * slope(ways[-1]))
    return ways


def three_updates(slope, w, rate, updates):
    return descend(slope, w, rate, 3)


def rate_written_in(slope, w, rate, updates):
    return descend(slope, w, 0.25, updates)


def range_left_out(slope, w, rate, updates):
    for _ in updates:
        w = w - rate * slope(w)
    return w


def slope_not_called(slope, w, rate, updates):
    return w - rate * slope


def not_assigned(slope, w, rate, updates):
    return w


def in_place(slope, w, rate, updates):
    for _ in range(updates):
        w -= rate * slope(w)
    return w


def until_flat(slope, w, rate, updates):
    while abs(slope(w)) > 1e-6:
        w = w - rate * slope(w)
    return w


def until_all_are_flat(slope, w, rate, updates):
    while np.max(np.abs(slope(w))) > 1e-6:
        w = w - rate * slope(w)
    return w


def slope_of_square(w):
    return 2 * w


def slope_of_square_with_floor(w):
    """Flat where it is low: a loop that goes on until it is flat comes to an
    end, and to the same one whatever it takes for flat."""
    return np.where(np.abs(w) > 1, 2 * w, 0.0)


def slope_of_fourth_power_with_floor(w):
    return np.where(np.abs(w) > 0.1, 4 * w**3, 0.0)


EXERCISES = {
    1: Number(
        3466,
        rtol=1e-6,
        unit="numbers",
        hints=[
            (3392, "the biases are missing, one for each unit."),
            (74, "these are the biases alone; the weights are more."),
            (3402, "layers 1 and 2 have biases, too, one for each unit."),
            (3498, "that is 32 too many: has each unit a single bias?"),
            (2048, "these are the weights of layer 1 alone."),
            (2080, "this is layer 1 alone."),
            (2368, "layer 2 has weights, too, and every unit has a bias."),
            (2410, "that is for two layers; the middle one is missing."),
            (3434, "layers 1 and 2 have 32 biases each."),
            (3456, "the ten units of the last layer have biases, too."),
            (
                3395,
                "a layer has more than one bias: each of its units has one.",
            ),
            (
                3520,
                "biases belong to the units that give out, not to the "
                "numbers that come in.",
            ),
            (4490, "that is for four layers."),
            (4522, "that is for four layers."),
            (1056, "this is layer 2 alone."),
            (330, "this is layer 3 alone."),
            (138, "each number that comes in has a weight to *each* unit."),
            (6, "that is how many arrays there are; count what they hold."),
            (
                655360,
                "the numbers of the layers are added, not multiplied.",
            ),
            (
                3530,
                "the 64 pixels have no biases; they are numbers, not units.",
            ),
        ],
        why="A real one may have billions, of the same two kinds.",
    ),
    2: Function(
        scores,
        cases={
            "one picture and two layers": (
                some_params(4, 3, 2),
                some_batch(1, 4),
            ),
            "a batch of five": (some_params(4, 3, 2), some_batch(5, 4)),
            "four layers of equal width": (
                some_params(3, 3, 3, 3, 3),
                some_batch(2, 3),
            ),
            "nine layers": (some_params(*[4] * 10), some_batch(3, 4)),
        },
        hints=[
            (squashed_last, "the last layer must not squash."),
            (never_squashed, "the layers before the last have to squash."),
            (without_bias, "no layer adds its bias yet."),
            (last_without_bias, "the last layer does not add its bias."),
            (last_left_out, "the last layer is still missing."),
            (transposed, "h comes first: h @ W, and W as it is."),
            (
                entry_by_entry,
                "h * W multiplies entry by entry; a row times a matrix is "
                "h @ W.",
            ),
            (bias_outside, "the bias is added before squashing, not after."),
            (bias_subtracted, "the bias is added, not subtracted."),
            (by_relu, "here units squash by np.tanh, not by relu."),
            (by_sigmoid, "here units squash by np.tanh, not by a sigmoid."),
            (
                last_twice,
                "the last layer is taken twice: once in the loop, squashed, "
                "and once more after it.",
            ),
            (
                first_left_out,
                "layer 1 is left out: Python counts from 0, it is params[0].",
            ),
            (
                last_but_one_left_out,
                "the loop stops too early: only the last layer is left for "
                "after it.",
            ),
            (
                last_but_one_twice,
                "after the loop p is still the last but one; take params[-1].",
            ),
            (of_two_layers, "that is for two layers; loop over params."),
            (
                always_the_first_layer,
                "each layer has parameters of its own, not those of layer 1.",
            ),
            (
                answers,
                "these are the answers; the scores come before argmax.",
            ),
            (all_states, "these are all states; give back the scores alone."),
            (
                states_alone,
                "these are the states, not yet the scores: the last layer is "
                "missing, and only its row for each picture is asked for.",
            ),
            (
                returns_too_early_with_last,
                "it returns after the first layer: is `return` in the loop?",
            ),
            (
                squashed_twice_at_most,
                "all layers but the last squash, however many there are.",
            ),
            (
                dict_unpacked,
                'each entry of params is a dict: p["W"] and p["b"].',
            ),
            (
                dict_with_dots,
                'an entry of a dict is taken by its name in brackets: p["W"].',
            ),
            (
                always_the_picture,
                "each layer has to take in what the one before gave out.",
            ),
            (
                returns_too_early,
                "it returns after the first layer: is `return` in the loop?",
            ),
            (
                probabilities,
                "these are probabilities; the scores come before softmax.",
            ),
            (
                columns_of_states,
                "the shapes do not fit: h @ W, not W @ h; and do not count on "
                "32 pictures or ten scores.",
            ),
            (
                of_32_pictures,
                "an index runs past the end. Here are fewer than 32 pictures, "
                "and not always three layers; h @ W takes all rows of h.",
            ),
            (
                of_three_layers,
                "that is for three layers; loop over params, however many.",
            ),
        ],
        why="The loop does not mind whether there are two layers or fifty.",
    ),
    3: Function(
        softmax,
        cases={
            "a single row": (np.array([[2.0, 1.0, -1.0]]),),
            "a batch of four": (some_batch(4, 3),),
            "scores of a thousand": (np.array([[1000.0, 999.0], [3.0, 4.0]]),),
            "scores far apart": (np.array([[1000.0, 0.0], [-900.0, 900.0]]),),
        },
        hints=[
            (as_it_stands, "right for small scores, but e^1000 overflows."),
            (over_columns, "these are columns; each *row* has to add to 1."),
            (
                over_all,
                "the whole batch adds to 1; each *row* has to: axis=1.",
            ),
            (
                over_all_as_it_stands,
                "the whole batch adds to 1; each *row* has to: axis=1. And "
                "e^1000 overflows.",
            ),
            (
                without_keepdims,
                "a maximum or a sum for each row has to be a column, so that "
                "it meets its row: keepdims=True.",
            ),
            (
                as_it_stands_without_keepdims,
                "the sum of each row has to be a column, so that it meets its "
                "row: keepdims=True. And e^1000 overflows.",
            ),
            (
                subtracted_in_the_numerator,
                "subtract the largest score below the line, too: the sum is "
                "over the same e^(u - largest).",
            ),
            (
                sum_without_keepdims,
                "the sum of each row has to be a column, so that it meets its "
                "row: keepdims=True.",
            ),
            (
                maximum_without_keepdims,
                "the largest score of each row has to be a column, so that it "
                "meets its row: keepdims=True.",
            ),
            (
                sum_over_all,
                "divide by the sum of each row, not of the whole batch: "
                "axis=1.",
            ),
            (
                sum_over_columns,
                "divide by the sum of each row, not of each column: axis=1.",
            ),
            (smallest_subtracted, "subtract the *largest* score of the row."),
            (
                mean_subtracted,
                "subtract the largest score, not the mean: what lies far "
                "above the mean still overflows.",
            ),
            (
                divided_by_largest,
                "subtract the largest score; to divide by it changes the "
                "probabilities.",
            ),
            (
                cut_off,
                "to cut scores off makes large ones equal; subtract instead.",
            ),
            (other_way_round, "the largest score gets the most: e^u."),
            (
                largest_less_score,
                "subtract the largest score from u, not u from the largest.",
            ),
            (
                without_exponential,
                "these are still scores: take e to them, then divide by the "
                "sum of the row.",
            ),
            (
                divided_by_largest_exponential,
                "subtract before e^u is taken: e^1000 overflows. And divide "
                "by the sum of the row.",
            ),
            (powers_of_two, "powers of e, not of 2: np.exp."),
            (logarithms, "these are the logarithms of the probabilities."),
            (rounded, "do not round; that is for printing."),
            (
                subtracted_after_exponential,
                "subtract from the scores, *before* e^u is taken.",
            ),
            (
                largest_score_after_exponential,
                "subtract the largest score before e^u is taken, not after.",
            ),
            (
                largest_score_after_exponential_not_divided,
                "subtract the largest score from u, before e^u is taken; then "
                "divide by the sum of the row.",
            ),
            (
                largest_of_all,
                "measure each row from its own largest score: axis=1.",
            ),
            (not_divided, "divide by the sum of the row."),
            (divided_without_exponential, "take e to the scores first."),
        ],
    ),
    4: Number(
        np.log(10),
        rtol=5e-3,
        hints=[
            (0.1, "that is the probability; the loss is -ln of it."),
            (
                1.0,
                "if you took a logarithm to the base ten: ln has the base e, "
                "np.log. And the loss of a network is 1 if it gives the right "
                "digit 0.37.",
            ),
            (-1.0, "the loss is *minus* ln; and ln has the base e: np.log."),
            (np.log2(10), "ln is the natural logarithm: np.log."),
            (10 * np.log(10), "the loss of a picture is not summed over ten."),
            (0.0, "that is the loss of a network that is sure and right."),
            (-np.log(0.9), "take the right digit's probability: 0.1."),
            (0.9, "that is what the nine wrong digits have together."),
            (10, "that is one over the probability; take ln of it."),
            (
                2.3167,
                "that is the untrained network, whose probabilities are not "
                "quite equal.",
            ),
            (np.log(9), "there are ten digits, not nine."),
            (
                0.1 * np.log(10),
                "-ln of the probability is the loss; it is not multiplied by "
                "the probability.",
            ),
        ],
        why="You will meet this number again.",
    ),
    5: Function(
        descend,
        cases={
            "one update": (slope_of_square_with_floor, 8.0, 0.25, 1),
            "three updates": (slope_of_fourth_power_with_floor, 1.0, 0.1, 3),
            "several weights at once": (
                slope_of_square_with_floor,
                np.array([30.0, -10.0, 5.0]),
                0.03,
                10,
            ),
            "many small updates": (
                slope_of_square_with_floor,
                1000.0,
                0.01,
                300,
            ),
        },
        hints=[
            (uphill, "that goes up: against the slope is minus."),
            (
                slope_of_the_start,
                "ask for the slope anew before each update: it changes.",
            ),
            (without_rate, "the rate is missing."),
            (divided_by_rate, "times the rate, not divided by it."),
            (
                only_the_sign,
                "a steep slope makes a long step: take the slope itself, not "
                "only its sign.",
            ),
            (times_w, "rate times slope, and not times w as well."),
            (
                times_updates,
                "each update has the rate once; the loop does the rest.",
            ),
            (slope_of_the_count, "ask for the slope at w: slope(w)."),
            (last_slope, "give back w, not the slope there."),
            (list_of_all, "give back the last w alone."),
            (three_updates, "as many updates as `updates` says, not three."),
            (rate_written_in, "0.25 is the rate of the example; take `rate`."),
            (a_single_update, "that is a single update."),
            (one_more, "that is one update too many."),
            (
                one_less,
                "that is one update too few; range(1, n) has n - 1 numbers.",
            ),
            (
                slope_written_in,
                "2 * w is the slope of one loss only; call slope(w).",
            ),
            (
                slope_not_called,
                "slope is a function: slope(w) is the slope at w.",
            ),
            (
                range_left_out,
                "`updates` is a number; a loop goes over range(updates).",
            ),
            (not_assigned, "w has not changed: assign the result to w."),
            (
                in_place,
                "`w -= …` changes the array that was handed in: write "
                "w = w - …, which makes a new one.",
            ),
            (
                until_flat,
                "as many updates as `updates` says, not until it is flat.",
            ),
            (
                until_all_are_flat,
                "as many updates as `updates` says, not until all are flat.",
            ),
            (only_the_slope, "take the step *from w*: w - rate * slope(w)."),
            (
                only_the_step,
                "that is the step alone; take it *from w*: "
                "w - rate * slope(w).",
            ),
        ],
    ),
    6: Number(
        43,
        rtol=1e-6,
        unit="updates",
        hints=[
            (42, "three pictures are left after 42 batches."),
            (1347 / 32, "the last batch is a smaller one; count it as one."),
            (42.09, "the last batch is smaller; it is one more all the same."),
            (42.1, "the last batch is smaller; it is one more all the same."),
            (44, "after 42 full batches there is only one more."),
            (860, "that is for twenty epochs."),
            (20, "that is how many epochs the figure at the top shows."),
            (15, "the held-out pictures are not learnt from."),
            (57, "the 450 held-out pictures are not learnt from."),
            (1347, "there is one update for a batch, not for a picture."),
            (32, "that is how many pictures are in a batch."),
            (1, "one update for each *batch*."),
        ],
        why="So 20 epochs are 860 updates.",
    ),
    7: Choice(
        [
            "its slopes are too small",
            "the learning rate is too small for it",
            "what reaches it is nearly the same for every picture",
        ],
        "what reaches it is nearly the same for every picture",
        hints={
            "its slopes are too small": "they are about as large as those of "
            "the last layer of ten, and ten layers learn. But a slope is "
            "what came in, times the slope for the sum: what comes in?",
            "the learning rate is too small for it": "six rates were tried, "
            "up to one that ruins shallow networks.",
        },
        why="So it learns one answer for all of them.",
    ),
}
