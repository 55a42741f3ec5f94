"""Reading straight or in reverse: the share of right words by updates.

The nets, their starts and the sentences are those of reversed-input.ipynb,
which trains for 250 and 2500 updates. All runs take about six minutes of one
core.
"""

import numpy as np

from gradtrace import (
    LSTM,
    RNN,
    Adam,
    Dense,
    argmax,
    backward,
    clip_norm,
    cross_entropy,
    flatten_params,
    forward,
    init,
    init_params,
    stream,
    train,
    translation,
    unflatten_params,
    unroll,
)

SEED = 0
BUDGET = {
    "batch": 12,  # sentences of each net
    "units": 32,
    "optimiser": "Adam",
    "clip": 1.0,
    "starts": 5,  # each is trained twice: straight, and in reverse
    "marks": [100, 250, 500, 1000, 2500, 5000, 10000, 20000],  # when to test
    "lengths": [4, 10, 12],  # of the sentences to test with
    "test": 60,  # sentences of each length for each net
}
QUICK = BUDGET | {"units": 3, "marks": [25], "test": 2}
CELLS = {"RNN": RNN, "LSTM": LSTM, "RNN, 10 words only": RNN}
MIXED = (2, 4, 6, 8, 10)
WORDS = np.random.default_rng(SEED).permutation(8)  # the translation of each
AN_EPOCH = 25  # updates: `train` counts epochs, and here are no data to count


def plan(quick=False):
    """The points in their order; each holds five starts in both orders."""
    if quick:
        return points(CELLS, [0.007], updates=25)
    rates = [0.007, 0.0007, 0.002, 0.02, 0.06]
    longer = points(["RNN"], [0.007, 0.002], updates=20_000)
    return points(CELLS, rates, updates=2500) + longer


def points(nets, rates, updates):
    """Every net with every rate."""
    return [
        {"net": net, "rate": rate, "updates": updates}
        for rate in rates
        for net in nets
    ]


def steady(net, rate, updates):
    """Whether another CPU gives the stored digits again.

    Rounding differs from one BLAS kernel to the next, and training amplifies
    it; but what is stored are shares of a few hundred words.
    """
    return net == "RNN" and rate == 0.002 and updates == 2500


def compute(net, rate, updates, budget):
    """Train five starts, straight and in reverse, and test at every mark.

    Returns for both orders, by the length of the test sentences, a list for
    each mark: ``"words"``, of each start the share of right words; and
    ``"whole"``, that of whole sentences. ``"first"`` and ``"last"`` are the
    shares of the first and the last word among ten.
    """
    parts, p = start(CELLS[net], budget)
    lengths = (10,) if net == "RNN, 10 words only" else MIXED

    def gradient(p, rows, rng):
        length = rng.choice(lengths)
        return joint(
            parts, p, *sentences(rng, length, budget["batch"], budget)
        )

    run, rng = p, stream(SEED)
    told = []
    marks = [mark for mark in budget["marks"] if mark <= updates]
    for mark in marks:
        run = train(  # goes on where it ended at the last mark
            run,
            gradient,
            Adam(rate),
            rng,
            n=AN_EPOCH,
            size=1,
            epochs=mark // AN_EPOCH,
            clip=lambda grads: clip_norm(grads, budget["clip"], sweep=1),
        )
        rng = None  # the run has it now
        told.append(shares(parts, run.p, budget))
    return in_orders(told, budget)


def start(cell, budget):
    """The three parts, and five starts, each twice: arrays (10, …)."""
    n = budget["units"]
    parts = (cell(8, n), cell(10, n), Dense(n, 10, "identity"))
    made = [start_one(parts, seed) for seed in range(budget["starts"])]
    twice = made + made
    p = {name: np.stack([one[name] for one in twice]) for name in made[0]}
    if cell is LSTM:
        p["0.b"] += parts[0].bias(f=1.0)
        p["1.b"] += parts[1].bias(f=1.0)
    return parts, p


def start_one(parts, seed):
    params = []
    for i, part in enumerate(parts):
        rng = stream(seed, part=i)
        params.append(init_params(part, rng, W=init.orthogonal))
    return flatten_params(params)


def sentences(rng, length, batch, budget):
    """What is read, what the decoder is given and should say: (…, 10, …)."""
    count = budget["starts"]
    data = translation(rng, count * batch, length, WORDS)
    x = data.source.reshape(length, count, batch, 8)
    given = data.given.reshape(length + 1, count, batch, 10)
    y = data.y.reshape(length + 1, count, batch)
    return (
        np.concatenate([x, x[::-1]], axis=1),
        np.concatenate([given, given], axis=1),
        np.concatenate([y, y], axis=1),
    )


def outputs(parts, p, x, given):
    """The logits, and the function that takes their gradient back."""
    encoder, decoder, readout = parts
    p_encoder, p_decoder, p_readout = unflatten_params(p)
    h_0 = np.zeros((*x.shape[1:3], *encoder.features))
    h, encoder_vjps = forward(unroll(encoder, p_encoder, x), h_0)
    s, decoder_vjps = forward(unroll(decoder, p_decoder, given), h[-1])
    n = encoder.n
    u, readout_vjp = readout(p_readout, np.stack(s[1:])[..., :n])

    def pull(g):
        of_readout = readout_vjp(g)
        direct = [None]  # the start of the decoder says nothing
        for by_word in of_readout.h:
            on_state = np.zeros_like(h_0)
            on_state[..., :n] = by_word
            direct.append(on_state)
        of_decoder = backward(decoder_vjps, direct)
        of_encoder = backward(encoder_vjps, of_decoder.h[0])
        of_words = {name: w.sum(axis=0) for name, w in of_readout.p.items()}
        return flatten_params(
            [of_encoder.shared(), of_decoder.shared(), of_words]
        )

    return u, pull


def joint(parts, p, x, given, y):
    """The loss of each net, a mean over words, and its gradient."""
    u, pull = outputs(parts, p, x, given)
    loss, g = cross_entropy(u, y)
    return loss.mean(axis=0), pull(g / len(y))


def shares(parts, p, budget):
    """By length, which words are right: (words, 10 nets, sentences)."""
    seen = {}
    for length in budget["lengths"]:
        rng = stream(SEED, what="test", length=length)
        x, given, y = sentences(rng, length, budget["test"], budget)
        u, _ = outputs(parts, p, x, given)
        seen[length] = (argmax(u) == y)[:-1]  # without the end sign
    return seen


def in_orders(told, budget):
    """The shares of all marks, straight and reversed."""
    count = budget["starts"]
    nets = {"straight": slice(0, count), "reversed": slice(count, None)}
    made = {}
    for order, which in nets.items():
        at = [{T: seen[T][:, which] for T in seen} for seen in told]
        made[order] = {
            "words": {
                str(T): [rounded(seen[T].mean(axis=(0, 2))) for seen in at]
                for T in budget["lengths"]
            },
            "whole": {
                str(T): [
                    rounded(seen[T].all(axis=0).mean(axis=-1)) for seen in at
                ]
                for T in budget["lengths"]
            },
            "first": [rounded(seen[10][0].mean(axis=-1)) for seen in at],
            "last": [rounded(seen[10][-1].mean(axis=-1)) for seen in at],
        }
    return made


def rounded(values):
    return values.round(3).tolist()
