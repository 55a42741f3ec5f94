"""The exercises of the chapter on normalisation."""

import numpy as np

from gradtrace import BatchNorm, batch_statistics
from gradtrace.notebook.exercises import Choice, Function, Number

EPS = 1e-5


def in_training(h, gamma, beta, mean, var):
    norm = BatchNorm(h.shape[1], EPS)
    out, _ = norm({"gamma": gamma, "beta": beta}, h)
    batch = batch_statistics(h)
    return out, 0.9 * mean + 0.1 * batch.mean, 0.9 * var + 0.1 * batch.unbiased


def biased_kept(h, gamma, beta, mean, var):
    out, kept, _ = in_training(h, gamma, beta, mean, var)
    return out, kept, 0.9 * var + 0.1 * h.var(axis=0)


def unbiased_used(h, gamma, beta, mean, var):
    _, *kept = in_training(h, gamma, beta, mean, var)
    z = (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0, ddof=1) + EPS)
    return gamma * z + beta, *kept


def other_way_round(h, gamma, beta, mean, var):
    out, *_ = in_training(h, gamma, beta, mean, var)
    batch = batch_statistics(h)
    return out, 0.1 * mean + 0.9 * batch.mean, 0.1 * var + 0.9 * batch.unbiased


def as_in_prediction(h, gamma, beta, mean, var):
    _, *kept = in_training(h, gamma, beta, mean, var)
    return gamma * (h - mean) / np.sqrt(var + EPS) + beta, *kept


def with_the_running(h, gamma, beta, mean, var):
    _, mean, var = in_training(h, gamma, beta, mean, var)
    return gamma * (h - mean) / np.sqrt(var + EPS) + beta, mean, var


def over_features(h, gamma, beta, mean, var):
    """What layer norm does."""
    _, *kept = in_training(h, gamma, beta, mean, var)
    c = h - h.mean(axis=1, keepdims=True)
    z = c / np.sqrt(h.var(axis=1, keepdims=True) + EPS)
    return gamma * z + beta, *kept


def over_everything(h, gamma, beta, mean, var):
    _, *kept = in_training(h, gamma, beta, mean, var)
    return gamma * (h - h.mean()) / np.sqrt(h.var() + EPS) + beta, *kept


def without_root(h, gamma, beta, mean, var):
    _, *kept = in_training(h, gamma, beta, mean, var)
    z = (h - h.mean(axis=0)) / (h.var(axis=0) + EPS)
    return gamma * z + beta, *kept


def outside_the_root(h, gamma, beta, mean, var):
    _, *kept = in_training(h, gamma, beta, mean, var)
    z = (h - h.mean(axis=0)) / (h.std(axis=0) + EPS)
    return gamma * z + beta, *kept


def pulled_back(g, h, gamma):
    norm = BatchNorm(h.shape[1], EPS)
    _, vjp = norm({"gamma": gamma, "beta": np.zeros_like(gamma)}, h)
    grads = vjp(g)
    return grads.h, grads.p["gamma"], grads.p["beta"]


def parts(h):
    s = np.sqrt(h.var(axis=0) + EPS)
    return (h - h.mean(axis=0)) / s, s


def both_fixed(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    _, s = parts(h)
    return g * gamma / s, *of_parameters


def variance_fixed(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    _, s = parts(h)
    d = g * gamma
    return (d - d.mean(axis=0)) / s, *of_parameters


def mean_fixed(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    z, s = parts(h)
    d = g * gamma
    return (d - z * (d * z).mean(axis=0)) / s, *of_parameters


def without_gamma(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    return pulled_back(g, h, np.ones_like(gamma))[0], *of_parameters


def summed_parts(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    z, s = parts(h)
    d = g * gamma
    return (d - d.sum(axis=0) - z * (d * z).sum(axis=0)) / s, *of_parameters


def parts_of_a_sample(g, h, gamma):
    _, *of_parameters = pulled_back(g, h, gamma)
    z, s = parts(h)
    d = g * gamma
    mean = d.mean(axis=1, keepdims=True)
    along = z * (d * z).mean(axis=1, keepdims=True)
    return (d - mean - along) / s, *of_parameters


def averaged_parameters(g, h, gamma):
    dh, d_gamma, d_beta = pulled_back(g, h, gamma)
    return dh, d_gamma / len(h), d_beta / len(h)


def gamma_of_h(g, h, gamma):
    dh, _, d_beta = pulled_back(g, h, gamma)
    return dh, (g * h).sum(axis=0), d_beta


rng = np.random.default_rng(8)
ONE_FEATURE = np.array([[1.0], [3.0], [8.0]])
H, G = rng.standard_normal((2, 6, 4))
H = 1 + 2 * H
GAMMA, BETA, MEAN = rng.standard_normal((3, 4))
VAR = np.array([0.5, 1.0, 2.0, 4.0])
NARROW = H[:, :3] * np.array([1e-3, 1, 1])  # its spread is near the root of ε

EXERCISES = {
    1: Choice(
        ["a tenth as long", "the same as before", "it depends on the weights"],
        "the same as before",
        hints={
            "a tenth as long": "that is the gradient. Which weights changed?",
            "it depends on the weights": (
                "that is what happens if you shorten the weights."
            ),
        },
        why="Clipping changes no weight, and so no output.",
    ),
    2: Number(
        4 - 3 * 0.9**20,
        hints=[
            (2 - 0.9**20, "a batch of two sees half: times B/(B − 1)."),
            (4, "that is where it goes; the start still counts."),
            (4 - 4 * 0.9**20, "it starts at 1, not at 0."),
        ],
    ),
    3: Function(
        in_training,
        cases={
            "the known value": (
                np.array([[1.0], [3.0]]),
                np.ones(1),
                np.zeros(1),
                np.zeros(1),
                np.ones(1),
            ),
            "six samples of four features": (H, GAMMA, BETA, MEAN, VAR),
            "a feature that hardly varies": (
                NARROW,
                GAMMA[:3],
                BETA[:3],
                MEAN[:3],
                VAR[:3],
            ),
        },
        returns=("the output", "the running mean", "the running variance"),
        hints=[
            (
                biased_kept,
                "the output is right. For prediction the variance is kept "
                "with the factor B/(B − 1).",
            ),
            (
                unbiased_used,
                "what is kept is right. The batch itself is divided by the "
                "root of the variance without the factor B/(B − 1).",
            ),
            (
                other_way_round,
                "nine tenths of the old average are kept, one of the new.",
            ),
            (
                as_in_prediction,
                "the running averages are for prediction. In training the "
                "batch's own mean and variance are used.",
            ),
            (
                with_the_running,
                "the running averages, just renewed, are for prediction. In "
                "training the batch's own mean and variance are used.",
            ),
            (
                over_features,
                "that is layer norm: the mean runs over the samples, axis 0.",
            ),
            (
                over_everything,
                "each feature has a mean and a variance of its own: axis 0.",
            ),
            (without_root, "divide by the root of the variance."),
            (
                outside_the_root,
                "ε stands under the root, beside the variance.",
            ),
        ],
    ),
    4: Function(
        pulled_back,
        cases={
            "the known value": (
                np.array([[1.0], [0.0], [0.0]]),
                ONE_FEATURE,
                np.array([2.0]),
            ),
            "a batch of two": (G[:2, :2], H[:2, :2], GAMMA[:2]),
            "six samples of four features": (G, H, GAMMA),
        },
        returns=("∂L/∂h", "∂L/∂γ", "∂L/∂β"),
        hints=[
            (
                both_fixed,
                "the mean and the spread depend on every sample. You took "
                "both as fixed, as they are in prediction.",
            ),
            (
                variance_fixed,
                "the mean is done. The spread depends on every sample, too.",
            ),
            (
                mean_fixed,
                "the spread is done. The mean depends on every sample, too.",
            ),
            (without_gamma, "on the way to h the gradient meets γ as well."),
            (summed_parts, "both parts that go are means over the batch."),
            (
                parts_of_a_sample,
                "the means run over the samples of a feature, axis 0.",
            ),
            (
                averaged_parameters,
                "γ and β are shared by all samples: their shares add up.",
            ),
            (gamma_of_h, "γ multiplies z, not h."),
        ],
    ),
}
