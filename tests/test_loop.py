"""Training is its own loop written out.

Interrupted anywhere, saved and continued, it gives the same bits.
"""

import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gradtrace import (
    RNN,
    Adam,
    Dense,
    Dropout,
    EarlyStopping,
    GradientDescent,
    Momentum,
    backward,
    clip_norm,
    cross_entropy,
    deep,
    flatten_params,
    forward,
    init_params,
    l2,
    minibatches,
    mse,
    tile_params,
    unflatten_params,
    unroll,
)
from gradtrace.training import loop
from gradtrace.training.loop import Diverged, Run, train

LAYERS = (Dense(4, 8), Dense(8, 3, "identity"))
DROPOUT = Dropout(8, 0.3)
X = np.random.default_rng(1).standard_normal((30, 4))
Y = X[:, :3].argmax(1)
CELL = RNN(2, 5)
SEQUENCES = np.random.default_rng(2).standard_normal((6, 30, 2))


def depth(p, rows, rng):
    """A net through depth, with a mask of dropout drawn for every batch."""
    steps = [LAYERS[0], DROPOUT.draw(rng, len(rows)), LAYERS[1]]
    h, vjps = forward(deep(steps, unflatten_params(p)), X[rows])
    loss, g = cross_entropy(h[-1], Y[rows])
    return loss, flatten_params(backward(vjps, g).p)


def time(p, rows, rng):
    """A net through time, its inputs disturbed anew in every batch."""
    x = SEQUENCES[:, rows] + 0.1 * rng.standard_normal((6, len(rows), 2))
    h, vjps = forward(unroll(CELL, p, x), np.zeros((len(rows), 5)))
    loss, g = mse(h[-1], np.tile(SEQUENCES[0, rows, :1], 5))
    return loss, backward(vjps, g).shared()


def still(p, rows, rng):
    """Depth without dropout."""
    h, vjps = forward(deep(LAYERS, unflatten_params(p)), X[rows])
    loss, g = cross_entropy(h[-1], Y[rows])
    return loss, flatten_params(backward(vjps, g).p)


def validate(p):
    return mse(p["b"][None], np.ones((1, 5)))[0]


def begin(gradient, rng):
    if gradient is time:
        return init_params(CELL, rng)
    first, last = (init_params(layer, rng) for layer in LAYERS)
    return flatten_params([first, {}, last] if gradient is depth else [first, last])


CASES = {
    "adam": (depth, Adam(0.01), {}),
    "descent": (depth, GradientDescent(0.1), {}),
    "momentum": (
        time,
        Momentum(0.01),
        {"validate": validate, "stop": EarlyStopping(20), "every": 2},
    ),
}


def start(case):
    gradient, optimiser, more = CASES[case]
    rng = np.random.default_rng(3)
    return partial(train, begin(gradient, rng), rng=rng), go_on(case)


def go_on(case):
    gradient, optimiser, more = CASES[case]
    return {"gradient": gradient, "optimiser": optimiser, "n": 30, "size": 8, "epochs": 10, **more}


def same(a, b):
    """Equal in every bit of every part."""
    for field in fields(Run):
        one, two = getattr(a, field.name), getattr(b, field.name)
        if not isinstance(one, dict):
            one, two = {field.name: one}, {field.name: two}
        assert one.keys() == two.keys(), field.name
        for key in one:
            if isinstance(one[key], dict):
                assert one[key] == two[key]
            else:
                u, v = np.asarray(one[key]), np.asarray(two[key])
                assert (u.dtype, u.shape, u.tobytes()) == (v.dtype, v.shape, v.tobytes()), (
                    field.name,
                    key,
                )


def interrupted_at(call, gradient):
    """The gradient, with the reader's Ctrl-C in the middle of a call.

    Random numbers have been drawn by then, and nothing has been learnt from them.
    """
    count = iter(range(10**6))

    def stopping(p, rows, rng):
        result = gradient(p, rows, rng)
        if next(count) == call:
            raise KeyboardInterrupt
        return result

    return stopping


@pytest.mark.parametrize("case", CASES)
def test_interrupt_save_load_in_a_new_process_and_go_on_gives_the_same_bits(case, tmp_path):
    begun, how = start(case)
    whole = begun(**how)
    begun, how = start(case)
    part = begun(**how | {"gradient": interrupted_at(4 * 4 + 2, how["gradient"])})
    assert part.interrupted
    assert part.updates == 18
    assert len(part.loss) == 18
    part.save(tmp_path / "part.npz")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_loop import *; "
        f"train(Run.load(sys.argv[1]), **go_on({case!r})).save(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "part.npz", tmp_path / "rest.npz"], check=True
    )
    same(Run.load(tmp_path / "rest.npz"), whole)
    assert whole.updates == 40
    assert not whole.interrupted


def test_an_interrupt_at_any_line_of_the_loop_loses_no_finished_update():
    def run(p=None, line=-1):
        """Train with an interrupt at the given line, counted from the start.

        Also return how many lines there were.
        """
        count = [0]
        rng = np.random.default_rng(0)
        done = [0]
        p = p or {"w": rng.standard_normal(2)}

        def gradient(p, rows, rng):
            g = p["w"] - rows.mean() + rng.standard_normal(2)
            done[0] += 1
            return (g * g).sum() / 2, {"w": g}

        def tracer(frame, event, arg):
            if frame.f_code.co_filename != loop.__file__:
                return None
            if event == "line":
                count[0] += 1
                if count[0] - 1 == line:
                    raise KeyboardInterrupt
            return tracer

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            out = train(
                p,
                gradient,
                Adam(0.1),
                None if isinstance(p, Run) else rng,
                n=3,
                size=2,
                epochs=2,
                validate=lambda p: abs(p["w"][0]),
                stop=EarlyStopping(9),
            )
        except KeyboardInterrupt:
            out = None
            assert not done[0]
        finally:
            sys.settrace(before)
        return out, count[0], done[0]

    whole, lines, _ = run()
    assert lines > 60
    for line in range(lines):
        part, _, calls = run(line=line)
        if part is not None:
            assert part.interrupted
            assert calls - 1 <= part.updates <= calls
            same(run(part)[0], whole)
    assert part.updates == 4


@pytest.mark.parametrize("size", [1, 7, 30])
@pytest.mark.parametrize("optimiser", [GradientDescent(0.1), Adam(0.01)])
def test_it_is_the_loop_written_out(size, optimiser):
    rng = np.random.default_rng(5)
    p = begin(depth, rng)
    run = train(p, depth, optimiser, rng, n=30, size=size, epochs=3)
    rng = np.random.default_rng(5)
    p = begin(depth, rng)
    losses = []
    state = optimiser.start(p)
    for _ in range(3):
        for rows in minibatches(rng, 30, size):
            loss, grads = depth(p, rows, rng)
            p, state = optimiser.step(p, grads, state)
            losses.append(loss)
    assert run.loss.tolist() == losses
    assert run.updates == 3 * -(-30 // size)
    assert all((run.p[name] == p[name]).all() for name in p)
    assert not run.best
    assert run.validation.shape == run.validated.shape == (0,)


def test_full_batches_follow_pytorch(oracle):
    torch = oracle("torch")
    p = begin(still, np.random.default_rng(5))
    run = train(p, still, Adam(0.01), np.random.default_rng(6), n=30, size=30, epochs=25)
    w = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    adam = torch.optim.Adam(w.values(), 0.01)
    losses = []
    for _ in range(25):
        adam.zero_grad()
        u = torch.tanh(torch.tensor(X) @ w["0.W"] + w["0.b"]) @ w["1.W"] + w["1.b"]
        loss = torch.nn.functional.cross_entropy(u, torch.tensor(Y))
        loss.backward()
        adam.step()
        losses.append(loss.item())
    np.testing.assert_allclose(run.loss, losses, rtol=1e-10)
    assert run.loss[-1] < 0.75 * run.loss[0]
    for name in p:
        np.testing.assert_allclose(run.p[name], w[name].detach().numpy(), rtol=1e-8, atol=1e-12)


def test_a_penalty_is_composed_and_ends_at_the_closed_form_of_ridge_regression():
    x = X
    y = X @ np.arange(4.0)[:, None] + 1
    strength = 0.3

    def gradient(p, rows, rng):
        r = x[rows] @ p["w"] - y[rows]
        penalty, more = l2(p, strength)
        return (r * r).mean() / 2 + penalty, {"w": x[rows].T @ r / len(rows) + more["w"]}

    run = train(
        {"w": np.zeros((4, 1))},
        gradient,
        GradientDescent(0.4),
        np.random.default_rng(0),
        n=30,
        size=30,
        epochs=200,
    )
    exact = np.linalg.solve(x.T @ x / 30 + 2 * strength * np.eye(4), x.T @ y / 30)
    np.testing.assert_allclose(run.p["w"], exact, rtol=1e-10)


def test_clipping_bounds_the_step_and_the_history_keeps_the_length_before():
    rng = np.random.default_rng(5)
    p = begin(still, rng)
    how = {"n": 30, "size": 30, "epochs": 1}
    free = train(p, still, GradientDescent(1.0), rng, **how)
    clipped = train(p, still, GradientDescent(1.0), rng, clip=lambda g: clip_norm(g, 0.01), **how)
    step = np.sqrt(sum(((clipped.p[name] - p[name]) ** 2).sum() for name in p))
    assert step == pytest.approx(0.01, rel=1e-12)
    length = np.sqrt(sum((g * g).sum() for g in still(p, np.arange(30), None)[1].values()))
    np.testing.assert_allclose([free.log_g[0], clipped.log_g[0]], np.log(length), rtol=1e-12)


def planted(losses):
    """A validation loss for ``w``.

    ``w`` counts the epochs, because its gradient is −1 and the rate 1.
    """
    return lambda p: losses[int(p["w"][0]) - 1]


def counting(p, rows, rng):
    return 0.0, {"w": -np.ones(1)}


@pytest.mark.parametrize(
    ("every", "validated", "best"), [(1, [1, 2, 3, 4, 5], 3), (2, [2, 4, 6, 8], 4)]
)
def test_it_stops_in_time_and_keeps_the_best_parameters(every, validated, best):
    losses = np.array([5, 4, 1, 2, 3, 9, 9, 9, 9, 9, 0.0])
    how = {"n": 1, "size": 1, "epochs": 11, "validate": planted(losses), "every": every}
    stop = EarlyStopping(2)
    rng = np.random.default_rng(0)
    run = train({"w": np.zeros(1)}, counting, GradientDescent(1.0), rng, stop=stop, **how)
    assert run.validated.tolist() == validated
    assert run.best["w"] == best
    assert run.p["w"] == validated[-1]
    assert run.validation.tolist() == losses[run.validated - 1].tolist()
    same(train(run, counting, GradientDescent(1.0), stop=stop, **how), run)


def test_without_a_rule_to_stop_validation_still_keeps_the_best():
    how = {"n": 1, "size": 1, "epochs": 5, "validate": planted(np.array([5, 1, 2, 3, 4.0]))}
    rng = np.random.default_rng(0)
    run = train({"w": np.zeros(1)}, counting, GradientDescent(1.0), rng, **how)
    assert run.best["w"] == 2
    assert run.p["w"] == 5
    assert len(run.validation) == 5


def test_a_sweep_of_rates_is_the_single_runs_side_by_side():
    rates = np.array([0.01, 0.1, 0.9])
    p = begin(still, np.random.default_rng(5))
    how = {"n": 30, "size": 7, "epochs": 6, "stop": EarlyStopping(2)}

    def shifted(p):  # lowest where the bias passes a value on its way
        return ((p["1.b"] - 0.02) ** 2).sum(-1)

    swept = train(
        tile_params(p, (3,)),
        still,
        GradientDescent(rates),
        np.random.default_rng(6),
        validate=shifted,
        **how,
    )
    assert swept.loss.shape == swept.log_g.shape == (swept.updates, 3)
    epochs = set()
    for i, rate in enumerate(rates):
        one = train(
            p, still, GradientDescent(rate), np.random.default_rng(6), validate=shifted, **how
        )
        np.testing.assert_allclose(swept.loss[: one.updates, i], one.loss, rtol=1e-10)
        np.testing.assert_allclose(swept.log_g[: one.updates, i], one.log_g, rtol=1e-10)
        for name in p:
            np.testing.assert_allclose(swept.best[name][i], one.best[name], rtol=1e-9, atol=1e-14)
        epochs.add(len(one.validated))
    assert len(swept.validated) == max(epochs)
    assert len(epochs) > 1


def test_more_epochs_go_on_where_fewer_ended():
    begun, how = start("adam")
    whole = begun(**how)
    begun, how = start("adam")
    same(train(begun(**how | {"epochs": 4}), **how), whole)
    same(train(whole, **how | {"epochs": 2}), whole)


def overflowing(p, rows, rng):
    h, vjps = forward(deep([Dense(1, 1, "relu")], [p]), np.full((1, 1), 1e200))
    return h[-1].sum(), backward(vjps, np.ones((1, 1))).p[0]


FATAL = {
    "loss": ((np.nan, {"w": np.ones(1)}), "the loss is no longer finite: nan"),
    "gradient": (
        (0.0, {"w": np.array([np.inf])}),
        r"the gradient of p\['w'\] is no longer finite: \[inf\]",
    ),
    "step": (
        (0.0, {"w": np.array([-1e308])}),
        r"p\['w'\]: expected step 6 of GradientDescent within float64",
    ),
}


@pytest.mark.parametrize("what", FATAL)
def test_what_diverges_is_named_and_what_was_learnt_is_kept(what):
    then, message = FATAL[what]

    def gradient(p, rows, rng):
        return (1.0, {"w": np.full(1, -0.25)}) if p["w"][0] < 5 else then

    p, rng = {"w": np.zeros(1)}, np.random.default_rng(0)
    how = {"n": 2, "size": 1, "epochs": 9}
    with pytest.raises(Diverged, match="update 6, in epoch 3: " + message) as caught:
        train(p, gradient, GradientDescent(4.0), rng, **how)
    run = caught.value.run
    assert run.p["w"] == 5
    assert run.updates == len(run.loss) == len(run.log_g) == 5
    assert isinstance(caught.value.__cause__, FloatingPointError)
    assert train(run, counting, GradientDescent(1.0), **how).p["w"] == 18


def test_a_forward_pass_or_a_validation_that_diverges_is_named_too():
    p = init_params(Dense(1, 1, "relu"), np.random.default_rng(0))
    with pytest.raises(Diverged, match=r"update 1, in epoch 1: .*Dense\(1, 1, relu\).* overflow"):
        train(
            {**p, "W": np.full((1, 1), 1e200)},
            overflowing,
            Adam(),
            np.random.default_rng(0),
            n=1,
            size=1,
            epochs=1,
        )
    with pytest.raises(
        Diverged, match="validation after epoch 2: the loss is no longer finite: nan"
    ) as caught:
        train(
            {"w": np.zeros(1)},
            counting,
            GradientDescent(1.0),
            np.random.default_rng(0),
            n=1,
            size=1,
            epochs=3,
            validate=planted([1.0, np.nan, 1.0]),
        )
    assert caught.value.run.updates == 2
    assert caught.value.run.validated.tolist() == [1]


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_generator_goes_on_where_it_was(kind, tmp_path):
    def gradient(p, rows, rng):  # an odd number of 32-bit draws leaves half a word over
        return 0.0, {"w": rng.standard_normal(3) + rng.random(3, dtype=np.float32)}

    how = {"gradient": gradient, "optimiser": GradientDescent(1.0), "n": 5, "size": 2}

    def rng():
        return np.random.Generator(getattr(np.random, kind)(7))

    whole = train({"w": np.zeros(3)}, rng=rng(), epochs=4, **how)
    train({"w": np.zeros(3)}, rng=rng(), epochs=2, **how).save(tmp_path / "run")
    part = Run.load(tmp_path / "run")
    assert train(part, epochs=4, **how).p["w"].tolist() == whole.p["w"].tolist()
    assert train(part, epochs=4, **how).p["w"].tolist() == whole.p["w"].tolist(), (
        "a run can be continued twice"
    )


def test_a_run_with_bits_of_ones_own_goes_on_with_a_generator_of_that_kind(tmp_path):
    class Mine(np.random.PCG64):
        pass

    def gradient(p, rows, rng):
        return 0.0, {"w": rng.standard_normal(3)}

    how = {"gradient": gradient, "optimiser": GradientDescent(1.0), "n": 5, "size": 2}

    def rng(seed):
        return np.random.Generator(Mine(seed))

    whole = train({"w": np.zeros(3)}, rng=rng(7), epochs=4, **how)
    train({"w": np.zeros(3)}, rng=rng(7), epochs=2, **how).save(tmp_path / "run")
    part = Run.load(tmp_path / "run")
    assert train(part, rng=rng(0), epochs=4, **how).p["w"].tolist() == whole.p["w"].tolist()
    for wrong in (None, np.random.default_rng(7)):
        with pytest.raises(
            ValueError, match=r"rng: expected a Generator\(Mine\(…\)\) to go on with, .* got"
        ):
            train(part, rng=wrong, epochs=4, **how)


def test_saving_replaces_a_file_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    begun, how = start("momentum")
    run = begun(**how | {"epochs": 2})
    run.save(str(file))
    same(Run.load(file), run)
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]

    def full(out, **arrays):
        out.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        begun(**how).save(file)
    same(Run.load(file), run)


def test_a_file_that_holds_no_run_is_named(tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    np.save(tmp_path / "array.npy", np.ones(3))
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    np.savez(tmp_path / "pickled.npz", loss=np.array([{}, print], dtype=object))
    start("adam")[0](**start("adam")[1] | {"epochs": 1}).save(tmp_path / "run.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:900])
    for name in ("text", "empty", "array.npy", "other.npz", "pickled.npz", "cut.npz"):
        with pytest.raises(
            ValueError, match=rf"file: expected a run that Run.save wrote, got .*{name}"
        ):
            Run.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        Run.load(tmp_path / "none.npz")


def test_the_order_of_axes_in_memory_does_not_matter_to_a_continued_run(tmp_path):
    w = np.random.default_rng(0).standard_normal((7, 9, 8)).transpose(2, 0, 1)

    def gradient(p, rows, rng):
        return (p["w"].sum(), {"w": np.sin(p["w"])})

    how = {"gradient": gradient, "optimiser": Adam(), "n": 1, "size": 1}
    whole = train({"w": w}, rng=np.random.default_rng(0), epochs=6, **how)
    train({"w": w}, rng=np.random.default_rng(0), epochs=3, **how).save(tmp_path / "run")
    same(train(Run.load(tmp_path / "run"), epochs=6, **how), whole)


def test_arguments_stay_as_they_were_and_single_precision_stays_single():
    rng = np.random.default_rng(0)
    p = {"w": np.ones(3, "f4")}

    def gradient(p, rows, rng):
        return ((p["w"] ** 2).sum() / 2, dict(p))

    run = train(
        p, gradient, Adam(), rng, n=4, size=3, epochs=2, validate=lambda p: (p["w"] ** 2).sum()
    )
    assert (p["w"] == 1).all()
    assert (run.p["w"] < 1).all()
    assert {a.dtype.name for a in (run.p["w"], run.best["w"], run.loss, run.state["m.w"])} == {
        "float32"
    }
    before = run.loss.copy()
    kept = run.p["w"].copy()
    more = train(run, gradient, Adam(), n=4, size=3, epochs=3)
    assert run.updates == 4
    assert (run.loss == before).all()
    assert (run.p["w"] == kept).all()
    assert more.updates == 6


def test_no_epochs_give_a_run_without_history():
    run = train(
        {"w": np.ones(3)}, counting, Adam(), np.random.default_rng(0), n=4, size=3, epochs=0
    )
    assert repr(run) == "Run(0 updates, 0 validations)"
    assert run.loss.shape == run.log_g.shape == (0,)


OK = {
    "p": {"w": np.zeros(1)},
    "gradient": counting,
    "optimiser": Adam(),
    "rng": np.random.default_rng(0),
    "n": 3,
    "size": 2,
    "epochs": 1,
}
DONE = train(**OK)
REST = {"p": DONE, "rng": None}
BAD = {
    "a loss alone": (
        {"gradient": lambda p, rows, rng: 0.0},
        TypeError,
        r"gradient: expected it to return \(loss, grads\), got float",
    ),
    "a list of gradients": (
        {"gradient": lambda p, rows, rng: (0.0, [p])},
        TypeError,
        "grads: expected a dict of arrays",
    ),
    "other names": (
        {"gradient": lambda p, rows, rng: (0.0, {"v": p["w"]})},
        ValueError,
        r"grads: expected the names \['w'\]",
    ),
    "a loss for each sample": (
        {"gradient": lambda p, rows, rng: (np.ones(len(rows)), p)},
        ValueError,
        r"gradient: expected one loss .* for each sweep member, got shapes \(2,\) and \(1,\)",
    ),
    "a loss that changes shape": (
        {"gradient": lambda p, rows, rng: (np.ones((1,) * (3 - len(rows))), p)},
        ValueError,
        r"gradient: expected a loss of shape \(1,\) as before, got \(1, 1\)",
    ),
    "clipping that forgets the sweep": (
        {"gradient": lambda p, rows, rng: (np.ones(1), p), "clip": lambda g: clip_norm(g, 1.0)},
        ValueError,
        r"clip: expected one loss .* got shapes \(1,\) and \(\)",
    ),
    "validation of each sample": (
        {"validate": lambda p: np.ones(3)},
        ValueError,
        r"validate: expected a loss of shape \(\) as from gradient, got \(3,\)",
    ),
    "no generator at all": ({"rng": None}, TypeError, "rng: expected numpy.random.default_rng"),
    "size too large": ({"size": 4}, ValueError, "size: expected at most 3, .* got 4"),
    "stop without validation": (
        {"stop": EarlyStopping(5)},
        ValueError,
        "stop: expected validate too",
    ),
    "a run and a generator": ({"p": DONE}, ValueError, "rng: expected None"),
    "a run of another batch": (
        {**REST, "size": 3},
        ValueError,
        "n, size: expected 3 and 2, .* got 3 and 3",
    ),
    "a run of another optimiser": (
        {**REST, "optimiser": GradientDescent(), "epochs": 2},
        ValueError,
        "state: expected start",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        train(**OK | change)


def test_what_diverged_is_said_in_one_sentence():
    assert str(Diverged("the loss is no longer finite", None)) == "the loss is no longer finite"
