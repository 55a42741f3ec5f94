"""The exercises of the chapter on models that do not learn."""

import numpy as np

from gradtrace.notebook.exercises import Choice, Function

try:
    import torch
except ModuleNotFoundError:  # the chapter stops in its first cell
    torch = None


def accuracy(model, x, y):
    """With the mode as it was."""
    was_training = model.training
    right = share_right(model, x, y)
    model.train(was_training)
    return right


def share_right(model, x, y):
    """The patient's own: right, but it leaves the model in evaluation."""
    model.eval()
    with torch.no_grad():
        guesses = model(x).argmax(dim=1)
    return (guesses == y).double().mean().item()


def in_training(model, x, y):
    model.train()
    with torch.no_grad():
        guesses = model(x).argmax(dim=1)
    return (guesses == y).double().mean().item()


def as_it_is(model, x, y):
    """Without a word on the mode."""
    with torch.no_grad():
        guesses = model(x).argmax(dim=1)
    return (guesses == y).double().mean().item()


def percent(model, x, y):
    return 100 * accuracy(model, x, y)


def keeps_the_mode(function):
    """A sentence unless the model is left in the mode in which it came."""
    for training in (True, False):
        model, x, y = patient()
        model.train(training)
        function(model, x, y)
        inside = [module.training for module in model.modules()]
        if len(set(inside)) > 1:
            return (
                "the number is right, but only the model itself has its mode "
                "back; the layers in it have not. model.train(…) sets all."
            )
        if model.training != training:
            was, now = ("training", "evaluation")[:: 1 if training else -1]
            return (
                f"the number is right, but a model that was in {was} is in "
                f"{now} afterwards."
            )
    return None


def patient():
    """A small net with batch norm that knows what it has seen, and data."""
    rng = torch.Generator().manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3)
    ).double()
    with torch.no_grad():
        weights = torch.randn(3, 4, generator=rng, dtype=torch.float64)
        model[1].weight.copy_(weights)
        model[1].bias.zero_()
        model[0].running_mean.fill_(2.0)
    x = torch.randn(40, 4, generator=rng, dtype=torch.float64)
    y = torch.randint(3, (40,), generator=rng)
    return model, x, y


def in_evaluation():
    model, x, y = patient()
    return model.eval(), x, y


def value_and_gradients(function, a, b):
    """What the reader's function gives, and both gradients, as arrays."""
    a = torch.tensor(a, requires_grad=True)
    b = torch.tensor(b, requires_grad=True)
    out = function(a, b)
    if not isinstance(out, torch.Tensor):
        return out  # no tensor, and so no gradient: said as it is
    out.sum().backward()
    return out.detach().numpy(), a.grad.numpy(), b.grad.numpy()


def distance(a, b):
    squares = (a - b).square().sum(dim=1)
    apart = squares > 0
    inside = torch.where(apart, squares, 1.0)
    return torch.where(apart, torch.sqrt(inside), 0.0)


def obvious(a, b):
    return (a - b).square().sum(dim=1).sqrt()


def one_where_equal(a, b):
    squares = (a - b).square().sum(dim=1)
    return torch.where(squares > 0, squares, 1.0).sqrt()


def with_an_epsilon(a, b):
    return ((a - b).square().sum(dim=1) + 1e-8).sqrt()


def with_a_small_epsilon(a, b):
    return ((a - b).square().sum(dim=1) + 1e-12).sqrt()


def with_a_larger_epsilon(a, b):
    return ((a - b).square().sum(dim=1) + 1e-6).sqrt()


def hardly_clamped(a, b):
    return (a - b).square().sum(dim=1).clamp(min=1e-12).sqrt()


def clamped(a, b):
    return (a - b).square().sum(dim=1).clamp(min=1e-6).sqrt()


def only_large_ones(a, b):
    """With the limits of the chapter's SafeRoot."""
    squares = (a - b).square().sum(dim=1)
    inside = squares.clamp(min=1e-6)
    return torch.where(squares > 1e-6, torch.sqrt(inside), 0.0)


def like_the_chapter(a, b):
    squares = (a - b).square().sum(dim=1)
    inside = squares.clamp(min=1e-6)
    return torch.where(squares > 1e-6, torch.sqrt(inside), squares)


def squared(a, b):
    return (a - b).square().sum(dim=1)


def of_the_whole(a, b):
    """One number instead of one for each row."""
    return torch.linalg.norm(a - b)


def spikes(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * np.median(norms[:k]):
            found.append(k)
    return np.array(found, dtype=int)


def always_five(norms, factor=5):
    return spikes(norms)


def from_21(norms, factor=5):
    found = spikes(norms, factor)
    return found[found > 20]


def median_from_20(norms, factor=5):
    found = []
    for k in range(21, len(norms)):
        if norms[k] > factor * np.median(norms[20:k]):
            found.append(k)
    return found


def of_the_one_before(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * norms[k - 1]:
            found.append(k)
    return found


def from_the_start(norms, factor=5):
    found = []
    for k in range(1, len(norms)):
        if norms[k] > factor * np.median(norms[:k]):
            found.append(k)
    return found


def counted_from_20(norms, factor=5):
    return spikes(norms, factor) - 20


def one_more(norms, factor=5):
    return spikes(norms, factor) + 1


def the_norms(norms, factor=5):
    return norms[spikes(norms, factor)]


def of_all(norms, factor=5):
    middle = np.median(norms)
    return [k for k in range(20, len(norms)) if norms[k] > factor * middle]


def with_itself(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * np.median(norms[: k + 1]):
            found.append(k)
    return found


def of_the_last_20(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * np.median(norms[k - 20 : k]):
            found.append(k)
    return found


def of_the_last_100(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * np.median(norms[max(0, k - 100) : k]):
            found.append(k)
    return found


def as_long_too(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] >= factor * np.median(norms[:k]):
            found.append(k)
    return found


def of_the_mean(norms, factor=5):
    found = []
    for k in range(20, len(norms)):
        if norms[k] > factor * np.mean(norms[:k]):
            found.append(k)
    return found


def a_run(n, spikes, drift=0.0, seed=0):
    rng = np.random.default_rng(seed)
    norms = np.exp(0.2 * rng.standard_normal(n) + drift * np.arange(n))
    for k, factor in spikes.items():
        norms[k] *= factor
    return norms


SMALL = "small distances are right, too, down to 0: is 10⁻⁶ a good limit?"
NEAR = "near, but equal rows have the distance 0, and not a small one."

EXERCISES = {
    1: Choice(
        [
            "vanishing",
            "step too small",
            "evaluation mode",
            "symmetric start",
            "ignores input",
        ],
        "evaluation mode",
        hints={
            "vanishing": "it is true, and it stands lower: what stands above?",
            "step too small": "the report does not say so; read it again.",
            "symmetric start": "the weights are small, and all different.",
            "ignores input": "true; what stands above it in the report?",
        },
        why="The first look at the accuracy has left it there.",
    ),
    3: Function(
        distance,
        cases={
            "two rows that differ": (
                np.array([[3.0, 0.0], [1.0, 1.0]]),
                np.array([[0.0, 4.0], [0.0, 1.0]]),
            ),
            "a pair of equal rows among them": (
                np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]]),
                np.array([[1.0, 2.0], [1.5, 0.0], [0.0, 0.0]]),
            ),
            "rows that differ by a hundred-thousandth": (
                np.array([[1.0, 2.0], [0.0, 1e-5]]),
                np.array([[1.0 + 1e-5, 2.0], [0.0, 0.0]]),
            ),
        },
        hints=[
            (
                obvious,
                "the root still gets a 0, where its slope is infinite. What "
                "you pick or mend afterwards comes too late: 0 · ∞ is nan.",
            ),
            (one_where_equal, "equal rows have the distance 0."),
            (with_an_epsilon, NEAR),
            (with_a_small_epsilon, NEAR),
            (with_a_larger_epsilon, NEAR),
            (hardly_clamped, NEAR),
            (clamped, NEAR),
            (only_large_ones, SMALL),
            (like_the_chapter, SMALL),
            (squared, "that is the square of the distance."),
            (of_the_whole, "one distance for each row is asked for."),
        ],
        returns=("the distances", "the gradient of a", "that of b"),
        measure=value_and_gradients,
        why="Mask what goes in, not only what comes out; norm(dim=1) does so.",
    ),
    4: Function(
        spikes,
        cases={
            "one spike in 60 updates": (a_run(60, {40: 30.0}),),
            "a spike too early, and two others": (
                a_run(80, {5: 500.0, 33: 9.0, 70: 20.0}),
            ),
            "norms that shrink slowly": (a_run(100, {60: 12.0}, drift=-0.05),),
            "a rise that stays": (np.repeat([1.0, 6.0], [20, 40]),),
            "a spike at update 20": (np.array([*[1.0, 10.0] * 10, 30.0]),),
            "a rise after a hundred updates": (
                np.repeat([1.0, 6.0], [99, 70]),
            ),
            "exactly five times": (np.repeat([1.0, 5.0], [20, 1]),),
            "a factor of 2": (a_run(50, {30: 3.0, 31: 4.0}), 2),
            "ten updates": (a_run(10, {7: 100.0}),),
        },
        hints=[
            (always_five, "use `factor`, which is not always 5."),
            (from_the_start, "before update 20 none counts."),
            (from_21, "update 20 itself may be a spike."),
            (median_from_20, "the median is of all norms, from update 0 on."),
            (of_the_one_before, "of *all* norms before it, not of the last."),
            (counted_from_20, "updates are counted from 0, and not from 20."),
            (one_more, "updates are counted from 0."),
            (the_norms, "their numbers are asked for, not their norms."),
            (of_all, "only the norms *before* an update count, not later."),
            (with_itself, "the norm itself does not belong to those before."),
            (of_the_last_100, "of *all* norms before it, not of a hundred."),
            (as_long_too, "*more* than `factor` times the median."),
            (of_the_last_20, "of *all* norms before it, not of the last 20."),
            (of_the_mean, "that is the mean; one spike spoils it for long."),
        ],
        why="A watch takes the last hundred updates only.",
    ),
}
if torch is not None:
    EXERCISES[2] = Function(
        accuracy,
        cases={
            "a model in training": patient(),
            "a model in evaluation": in_evaluation(),
        },
        hints=[
            (in_training, "in training, batch norm takes the batch's mean."),
            (as_it_is, "it has to be measured in evaluation mode."),
            (percent, "a share between 0 and 1 is asked for."),
        ],
        also=[keeps_the_mode],
        why="Then a look at a model does not change it.",
    )
EXERCISES = dict(sorted(EXERCISES.items()))
