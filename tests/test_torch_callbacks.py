"""What a watch tells is handed on, and drawn; trainers are tried where they are installed."""

import builtins
import importlib
import math
import subprocess
import sys
import types

import numpy as np
import pytest


@pytest.fixture(scope="module")
def callbacks(torch):
    import gradtrace.torch.callbacks

    return gradtrace.torch.callbacks


def trained(torch, callbacks, updates=12, net=None):
    """The log of a run that is clipped, with the callbacks."""
    from gradtrace.torch import watch

    torch.manual_seed(0)
    nn = torch.nn
    net = net or nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch(net, optimizer, every=5, callbacks=callbacks) as log:
        for _ in range(updates):
            optimizer.zero_grad()
            out = net(torch.randn(8, 6, 4))
            out = out[0][:, -1] if isinstance(out, tuple) else out
            out.pow(2).mean().backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.05)
            optimizer.step()
    return log


class Writer:
    def __init__(self):
        self.seen = []

    def add_scalar(self, tag, value, step):
        self.seen.append((tag, value, step))


def test_a_callback_is_called_after_each_watched_update(torch):
    seen = []
    trained(torch, lambda log: seen.append(log.updates.tolist()))
    assert seen == [[0], [0, 5], [0, 5, 10]]
    trained(torch, (each for each in [lambda log: seen.append(len(log.updates))]))
    assert seen[3:] == [1, 2, 3]


def test_tensorboard_gets_every_finite_number(torch, callbacks):
    writer = Writer()
    log = trained(torch, callbacks.TensorBoard(writer))
    rows = {(tag, step): value for tag, value, step in writer.seen}
    assert len(rows) == len(writer.seen) == 3 * (2 + 2 * 4)
    assert rows["gradient norm", 5] == pytest.approx(log.norm[1], abs=1e-6)
    wanted = log.log_p["2.bias"][2] / math.log(10)
    assert rows["log10 gradient/2.bias", 10] == pytest.approx(wanted, abs=1e-6)
    wanted = math.log10(log.moved["0.weight"][0])
    assert rows["log10 moved/0.weight", 0] == pytest.approx(wanted, abs=1e-6)
    log = trained(torch, callbacks.TensorBoard(writer), net=torch.nn.GRU(4, 4, batch_first=True))
    assert callbacks.scalars(log)["reach/GRU"] == log.reach["GRU"][-1]


def test_what_is_no_number_is_left_out(torch, callbacks):
    from gradtrace.torch.history import Row, TrainingLog

    log = TrainingLog(["a", "b"])
    moved = np.array([0.0, np.inf])
    log.add(Row(0, 1.0, np.nan, np.array([-np.inf, 0.0]), moved))
    assert callbacks.scalars(log) == {"gradient norm": 1.0, "log10 gradient/b": 0.0}


def test_of_a_log_without_updates_there_is_nothing_to_tell(torch, callbacks):
    from gradtrace.torch.history import TrainingLog

    writer, log = Writer(), TrainingLog(["a"])
    assert callbacks.scalars(log) == {}
    callbacks.TensorBoard(writer)(log)
    assert writer.seen == []
    from gradtrace.torch.picture import png

    for draw in (png, TrainingLog.figure):
        with pytest.raises(ValueError, match=r"^figure: expected a log with at least one watched"):
            draw(log)


def test_a_writer_that_writes_nothing_is_refused(callbacks):
    with pytest.raises(TypeError, match=r"^writer: expected an object with add_scalar, got "):
        callbacks.TensorBoard(3)


@pytest.mark.parametrize(
    "name, package", [("lightning_callback", "lightning"), ("trainer_callback", "transformers")]
)
def test_what_is_missing_is_named(callbacks, name, package, monkeypatch):
    real = builtins.__import__

    def without(module, *more):
        if module.split(".")[0] in ("lightning", "pytorch_lightning", "transformers"):
            raise ModuleNotFoundError(module)
        return real(module, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=f"{name} needs .* pip install {package}"):
        getattr(callbacks, name)()


def test_importing_it_imports_nothing_of_the_others(torch):
    code = "import sys, gradtrace.torch.callbacks; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = run.stdout.split()
    for heavy in ("matplotlib", "IPython", "lightning", "transformers", "tensorboard"):
        assert heavy not in imported


# --- trainers: stand-ins with the interface that was tried with the real ones ---


class Stop(Exception):
    pass


def fit(torch, callback, call, fails=False):
    """Six updates, with the callback told of them as a trainer tells it."""
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    call("start", model, optimizer)
    for _ in range(6):
        optimizer.zero_grad()
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
    call("fail" if fails else "end", model, optimizer)
    return model, optimizer


@pytest.mark.parametrize("fails", [False, True])
def test_lightning(torch, callbacks, monkeypatch, fails):
    stand_in = types.ModuleType("lightning.pytorch")
    stand_in.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "lightning", types.ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", stand_in)
    metrics = []

    class Logger:
        def log_metrics(self, found, step):
            metrics.append((step, found["gradient norm"]))

    callback = callbacks.lightning_callback(every=2)
    assert isinstance(callback, stand_in.Callback)

    def call(what, model, optimizer):
        trainer = types.SimpleNamespace(optimizers=[optimizer], loggers=[Logger()])
        if what == "start":
            callback.on_train_start(trainer, model)
        elif what == "end":
            callback.on_train_end(trainer, model)
        else:
            callback.on_exception(trainer, model, Stop())

    _, optimizer = fit(torch, callback, call, fails)
    assert [step for step, _ in metrics] == [0, 2, 4] == callback.log.updates.tolist()
    assert not optimizer._optimizer_step_pre_hooks


def test_transformers(torch, callbacks, monkeypatch):
    stand_in = types.ModuleType("transformers")
    stand_in.TrainerCallback = type("TrainerCallback", (), {})
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    state, more = types.SimpleNamespace(log_history=[]), []
    callback = callbacks.trainer_callback(every=3, callbacks=more.append)

    def call(what, model, optimizer):
        wrapper = types.SimpleNamespace(optimizer=optimizer)  # as accelerate wraps it
        told = callback.on_train_begin if what == "start" else callback.on_train_end
        told(None, state, None, model=model, optimizer=wrapper, processing_class=None)

    _, optimizer = fit(torch, callback, call)
    assert [row["step"] for row in state.log_history] == [0, 3] == callback.log.updates.tolist()
    assert len(more) == 2 and not optimizer._optimizer_step_pre_hooks
    callback.stop()  # once more does no harm


# --- the real ones, where they are installed ---


def same_weights(torch, a, b):
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


@pytest.mark.filterwarnings("ignore")
def test_the_real_tensorboard(torch, oracle, callbacks, tmp_path):
    oracle("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        log = trained(torch, callbacks.TensorBoard(writer))
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    found = [(event.step, event.value) for event in read.Scalars("gradient norm")]
    np.testing.assert_allclose(found, np.transpose([log.updates, log.norm]), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_the_real_lightning(torch, oracle, libraries, callbacks, tmp_path):
    pl = oracle("lightning.pytorch")
    loggers = importlib.import_module("lightning.pytorch.loggers")

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))

        def training_step(self, batch, number):
            return self.net(batch[0]).pow(2).mean()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=1e-2)

    def fitted(*found):
        pl.seed_everything(0)
        module, logger = Module(), loggers.CSVLogger(tmp_path)
        data = torch.utils.data.TensorDataset(torch.randn(64, 4))
        pl.Trainer(
            max_epochs=2,
            callbacks=[*found],
            logger=logger,
            accelerator="cpu",
            gradient_clip_val=0.05,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        ).fit(module, torch.utils.data.DataLoader(data, batch_size=8, shuffle=True))
        return module, logger

    plain, _ = fitted()
    callback = callbacks.lightning_callback(every=5)
    watched, logger = fitted(callback)
    assert same_weights(torch, plain, watched)
    assert callback.log.updates.tolist() == [0, 5, 10, 15] and (callback.log.clipped > 0).any()
    assert "gradient norm" in (tmp_path / logger.log_dir / "metrics.csv").read_text()


@pytest.mark.filterwarnings("ignore")
def test_the_real_trainer_of_transformers(torch, oracle, libraries, callbacks, tmp_path):
    transformers = oracle("transformers")
    oracle("accelerate")

    def fitted(*found):
        transformers.set_seed(0)
        config = transformers.BertConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=16,
        )
        model = transformers.BertForSequenceClassification(config)
        data = [
            {"input_ids": torch.randint(50, (8,)), "labels": torch.tensor(k % 2)} for k in range(48)
        ]
        options = transformers.TrainingArguments(
            str(tmp_path),
            num_train_epochs=2,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=2,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
        )
        trainer = transformers.Trainer(model, options, train_dataset=data, callbacks=[*found])
        trainer.train()
        return model, trainer

    plain, _ = fitted()
    callback = callbacks.trainer_callback(every=4)
    watched, trainer = fitted(callback)
    assert same_weights(torch, plain, watched)
    assert callback.log.updates.tolist() == [0, 4, 8]
    assert callback.log.names == ("bert.encoder.layer.0", "bert.encoder.layer.1")
    told = [row for row in trainer.state.log_history if "gradient norm" in row]
    assert [row["step"] for row in told] == [0, 4, 8]


# --- pictures ---


@pytest.mark.parametrize("kind", ["layers", "recurrent", "one update", "zero"])
def test_the_figure_shows_every_update(torch, kind):
    from gradtrace.torch.picture import picture_of

    net = torch.nn.GRU(4, 4, batch_first=True) if kind == "recurrent" else None
    if kind == "zero":
        net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
        torch.nn.init.constant_(net[0].bias, -100)
    log = trained(torch, (), updates=1 if kind == "one update" else 12, net=net)
    figure = log.figure()
    assert list(figure.controls) == ["update"] or figure.figure is not None

    from matplotlib.figure import Figure

    axes = Figure().subplots(3)
    picture_of(log)(axes, int(log.updates[-1]))
    ratios = np.array([values[-1] for values in log.moved.values()])
    found = axes[2].lines[0].get_ydata()
    seen = ~np.isnan(found)
    np.testing.assert_allclose(10.0 ** found[seen], ratios[ratios > 0])
    assert seen.any() == (kind != "zero")


def test_a_log_without_an_update_has_no_figure(torch):
    log = trained(torch, (), updates=0)
    with pytest.raises(ValueError, match="figure: expected a log with at least one watched update"):
        log.figure()


def test_outside_a_notebook_there_is_no_live_figure(callbacks):
    with pytest.raises(RuntimeError, match="LiveFigure: expected to run in a Jupyter notebook"):
        callbacks.LiveFigure()


def test_a_live_figure_is_drawn_at_once_and_then_seldom(torch, callbacks, monkeypatch):
    IPython = pytest.importorskip("IPython")
    to_display = importlib.import_module("IPython.display")
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    shown, now = [], [0.0]
    handle = types.SimpleNamespace(update=lambda image: shown.append(("again", image)))

    def display(image, display_id):
        shown.append(("first", image))
        return handle

    monkeypatch.setattr(to_display, "display", display)
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    live = callbacks.LiveFigure()

    def later(log):
        now[0] += 1.5
        live(log)

    trained(torch, later, updates=25)  # five are watched: at 1.5, 3, 4.5, 6 and 7.5 seconds
    assert [what for what, _ in shown] == ["first", "again", "again"]
    assert shown[0][1].data.startswith(b"\x89PNG")
