"""What a watch says about the loop around a model: gradients kept, skipped, lost, and clipped."""

import contextlib
import copy
import pickle

import numpy as np
import pytest
import test_torch_watch as runs

squares = runs.squares


@pytest.fixture(scope="module")
def watch(torch):
    import gradtrace.torch

    return gradtrace.torch.watch


def net(torch):
    torch.manual_seed(0)
    return runs.mlp(torch)


def by_data(model, optimizer):
    for p in model.parameters():
        p.grad.data.zero_()


def by_new_ones(model, optimizer):
    for p in model.parameters():
        p.grad = p.grad * 0


ZEROING = {
    "to None": lambda model, optimizer: optimizer.zero_grad(),
    "in place": lambda model, optimizer: optimizer.zero_grad(set_to_none=False),
    "by the model": lambda model, optimizer: model.zero_grad(),
    "where PyTorch does not count": by_data,
    "by others": by_new_ones,
    "never": lambda model, optimizer: None,
}


def added_up(log):
    return [note for note in log.notes if "zero_grad" in note]


@pytest.mark.parametrize("every", [1, 100])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("place", ["first", "before backward", "last"])
@pytest.mark.parametrize("how", ZEROING)
def test_gradients_that_nobody_sets_to_zero_are_told_once(torch, watch, how, place, times, every):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=every) as log:
        for k in range(4):
            if k and place == "first":
                ZEROING[how](model, optimizer)
            for part in range(times):
                loss = squares(model(torch.randn(6, 5)))
                if k and place == "before backward" and not part:
                    ZEROING[how](model, optimizer)
                loss.backward()
            optimizer.step()
            if place == "last":
                ZEROING[how](model, optimizer)
    found = added_up(log)
    assert len(found) == (how == "never")
    if found:
        assert found[0].startswith("zero_grad was not called between updates 0 and 1: ")
        assert "call optimizer.zero_grad()" in found[0] and found[0] in str(log)


def test_it_is_told_from_the_update_on_in_which_it_begins_and_at_once(torch, watch):
    model = net(torch)
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=1e-3), []
    with watch(model, optimizer, every=2, callbacks=lambda log: seen.append(log.notes)):
        for k in range(9):
            if k < 3:
                optimizer.zero_grad()
            squares(model(torch.randn(6, 5))).backward()
            optimizer.step()
    assert [len(notes) for notes in seen] == [0, 0, 1, 1, 1]
    assert "between updates 2 and 3" in seen[-1][0]


@pytest.mark.parametrize("spikes, told", [(5, "0 and 1"), (0, "3 and 4")])
def test_without_spikes_only_watched_updates_are_looked_at(torch, watch, spikes, told):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=4, spikes=spikes) as log:
        for _ in range(6):
            squares(model(torch.randn(6, 5))).backward()
            optimizer.step()
    assert f"between updates {told}:" in added_up(log)[0]


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("fault", [False, True])
def test_a_pass_through_the_judge_of_a_gan_is_no_fault(torch, watch, zero, fault):
    """The maker's pass finds what the judge's update has used; before the next that is gone."""
    (maker, of_maker), (judge, of_judge) = runs.run_gan(torch).pairs
    with watch(maker, of_maker, every=1) as a, watch(judge, of_judge, every=1) as b:
        for _ in range(5):
            fake = maker(torch.randn(4, 5))
            if not fault:
                of_judge.zero_grad(set_to_none=zero)
            (judge(torch.randn(4, 3)).mean() - judge(fake.detach()).mean()).backward()
            of_judge.step()
            of_maker.zero_grad(set_to_none=zero)
            judge(fake).mean().backward()
            of_maker.step()
    assert added_up(a) == []
    assert bool(added_up(b)) == fault


@pytest.mark.parametrize("fault", [False, True])
def test_in_a_closure_gradients_are_looked_at_from_step_to_step(torch, watch, fault):
    model = net(torch)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x = torch.randn(6, 5)

    def closure():
        if not fault:
            optimizer.zero_grad()
        loss = squares(model(x))
        loss.backward()
        return loss

    with watch(model, optimizer, every=1) as log:
        for _ in range(4):
            optimizer.step(closure)
    assert bool(added_up(log)) == fault


def test_an_update_without_a_pass_before_it_is_no_fault(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    squares(model(torch.randn(6, 5))).backward()  # before it is watched
    with watch(model, optimizer, every=1) as log:
        for _ in range(3):
            squares(model(torch.randn(6, 5))).backward()
            optimizer.step()
            optimizer.step()  # once more with the same
            optimizer.zero_grad()
    assert added_up(log) == []


def test_a_gradient_of_zeros_cannot_be_left_over(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=1) as log:
        for _ in range(3):
            (0 * squares(model(torch.randn(6, 5)))).backward()
            optimizer.step()
    assert added_up(log) == []


@pytest.mark.parametrize("how", ["sparse", "large alone"])
def test_other_gradients(torch, watch, how):
    model = torch.nn.Embedding(5000, 2, sparse=how == "sparse")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=1) as log:
        for _ in range(3):
            squares(model(torch.tensor([1, 2]))).backward()
            optimizer.step()
    assert bool(added_up(log)) == (how != "sparse")  # one is not known again


def test_the_looking_holds_no_gradient(torch, watch):
    """``zero_grad`` frees memory, also while it is watched."""
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    watching = watch(model, optimizer, every=100)
    with watching:
        runs.step(optimizer, squares(model(torch.randn(6, 5))))
        runs.step(optimizer, squares(model(torch.randn(6, 5))))
        held = [value for value in vars(watching.zeroing).values()]
        assert not any(value is p.grad for p in model.parameters() for value in held)
        assert watching.zeroing.parameter is model[4].bias
    assert watching.zeroing.parameter is None


# --- skipped updates ---


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("spikes", [0, 3])
@pytest.mark.parametrize("fused", [False, True])
def test_updates_that_a_scaler_skips_are_counted_apart(torch, watch, fused, spikes, every):
    bad, large = (0, 5, 6, 31), 40
    model = net(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    x, made, norms = torch.randn(6, 5), -1, {}
    with watch(model, optimizer, every=every, spikes=spikes) as log:
        for k in range(45):
            optimizer.zero_grad()
            size = torch.inf if k in bad else 100.0 if k == large else 1.0
            loss = squares(model(x)) * size
            scaler.scale(loss).backward()
            if k not in bad:
                made += 1
                norms[made] = runs.norm(p.grad / scaler.get_scale() for p in model.parameters())
            before = optimizer.state_dict()["state"]
            before = float(before[0]["step"]) if before else 0.0
            scaler.step(optimizer)
            scaler.update()
            after = optimizer.state_dict()["state"]
            after = float(after[0]["step"]) if after else 0.0
            assert (after > before) == (k not in bad)  # the oracle: what Adam itself counts
    assert [*log.updates] == [*range(0, made + 1, every)]
    np.testing.assert_allclose(log.norm, [norms[k] for k in log.updates], rtol=1e-4)
    if spikes:
        assert [spike.update for spike in log.spikes] == [large - len(bad)]
        assert log.spikes[0].norm == pytest.approx(norms[large - len(bad)], rel=1e-4)
    counted = len(bad) if fused or spikes else 0
    assert log.skipped == counted
    assert ("4 gradients that were not finite made no update" in str(log)) == bool(counted)


def test_a_fused_update_that_is_skipped_without_a_pass_shifts_no_number(torch, watch):
    model = net(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, fused=True)
    scaler = torch.amp.GradScaler("cpu")
    x = torch.randn(6, 5)
    with watch(model, optimizer, every=1000) as log:
        for k in range(40):
            optimizer.zero_grad()
            if k == 3:
                scaler.scale(torch.ones(()))
                for p in model.parameters():
                    p.grad = torch.full_like(p, torch.inf)
            else:
                scaler.scale(squares(model(x)) * (1000 if k == 30 else 1)).backward()
            scaler.step(optimizer)
            scaler.update()
    assert [spike.update for spike in log.spikes] == [29] and log.skipped == 1


def test_a_loop_that_leaves_out_what_is_not_finite_is_counted_too(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, every=1) as log:
        for k in range(6):
            optimizer.zero_grad()
            for _ in range(2):  # accumulated
                squares(model(torch.full((6, 5), torch.nan if k in (2, 4) else 1.0))).backward()
            if all(p.grad.isfinite().all() for p in model.parameters()):
                optimizer.step()
    assert log.skipped == 2 and len(log.updates) == 4


def test_a_scale_that_grows_makes_no_spike(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0, growth_interval=10)
    x = torch.randn(6, 5)
    with watch(model, optimizer, every=1000) as log:
        for _ in range(100):
            optimizer.zero_grad()
            scaler.scale(squares(model(x))).backward()
            scaler.step(optimizer)
            scaler.update()
    assert scaler.get_scale() == 2.0**10 and log.spikes == ()


# --- parameters that are replaced ---


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("every", [1, 3])
def test_a_parameter_that_is_replaced_is_found_again(torch, watch, told, every):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    wanted = []
    with watch(model, optimizer, every=every) as log:
        for k in range(9):
            if k == 4:
                model[4] = torch.nn.Linear(8, 3)
                model[0].weight = torch.nn.Parameter(torch.randn(8, 5))
                if told:
                    optimizer.param_groups[0]["params"] = [*model.parameters()]
            model.zero_grad()
            squares(model(torch.randn(6, 5))).backward()
            grad = model[4].weight.grad
            wanted.append(np.log(runs.norm([grad])) if told or k < 4 else np.nan)
            optimizer.step()
    np.testing.assert_allclose(log.log_p["4.weight"], wanted[::every], **runs.CLOSE)
    assert np.isnan(log.log_p["0.weight"]).any() != told
    assert np.isfinite(log.log_p["2.weight"]).all()
    (note,) = log.notes
    seen = "6" if every == 3 and not told else "4"
    assert note.startswith(
        f"0.weight, 4.weight, 4.bias: replaced by another parameter, seen at update {seen}"
    )
    assert ("which the optimiser does not have, so that it is not trained" in note) != told
    assert log.names == ("0", "2", "4")
    # a module is found when the next watched update begins
    assert np.isfinite(log.log_h[log.updates != 4, 1:]).all()


def test_between_watched_updates_a_new_parameter_counts_as_the_optimiser_gets_it(torch, watch):
    model = torch.nn.Linear(5, 3, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, sizes = torch.randn(6, 5), {35: 1000.0}
    with watch(model, optimizer, every=1000) as log:
        for k in range(40):
            if k == 30:
                model.weight = torch.nn.Parameter(model.weight.detach().clone())
                optimizer.param_groups[0]["params"] = [model.weight]
            optimizer.zero_grad()
            (squares(model(x)) * sizes.get(k, 1)).backward()
            optimizer.step()
    assert [spike.update for spike in log.spikes] == [35]


def test_a_parameter_that_is_new_in_the_model_gets_a_row_of_its_own(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=1) as log:
        for k in range(4):
            if k == 2:
                model.append(torch.nn.Linear(3, 2))
                optimizer.add_param_group({"params": [*model[5].parameters()]})
            runs.step(optimizer, squares(model(torch.randn(6, 5))))
    np.testing.assert_array_equal(np.isnan(log.log_p["5.weight"]), [True, True, False, False])
    assert np.isfinite(log.log_p["4.weight"]).all() and log.notes == ()
    again = pickle.loads(pickle.dumps(log))
    np.testing.assert_array_equal(again.log_p["5.weight"], log.log_p["5.weight"])


def test_what_another_optimiser_trains_is_not_missed(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model[0].parameters(), lr=1e-3)
    with watch(model, optimizer, every=1) as log:
        for k in range(3):
            if k == 1:
                model[4] = torch.nn.Linear(8, 3)
            runs.step(optimizer, squares(model(torch.randn(6, 5))))
    assert log.notes == () and [*log.log_p] == ["0.weight", "0.bias"]


def test_a_replaced_parameter_is_let_go(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    old = model[0].weight
    with watch(model, optimizer, every=1):
        runs.step(optimizer, squares(model(torch.randn(6, 5))))
        assert old._post_accumulate_grad_hooks
        model[0].weight = torch.nn.Parameter(torch.randn(8, 5))
        optimizer.param_groups[0]["params"] = [*model.parameters()]
        runs.step(optimizer, squares(model(torch.randn(6, 5))))
        assert not old._post_accumulate_grad_hooks


# --- errors of callbacks ---


@pytest.mark.parametrize("every", [1, 2])
def test_after_an_error_in_a_callback_the_log_is_true(torch, watch, every):
    def fails(log):
        if len(log.updates) == 2:
            raise KeyError("mine")

    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=every, callbacks=fails) as log:
        for _ in range(6):
            with contextlib.suppress(KeyError):
                runs.step(optimizer, squares(model(torch.randn(6, 5))))
    assert [*log.updates] == [*range(0, 6, every)] and log.notes == ()
    with contextlib.suppress(KeyError), watch(model, optimizer, callbacks=[fails, fails]) as log:
        runs.step(optimizer, squares(model(torch.randn(6, 5))))
        raise KeyError
    assert [*log.updates] == [0] and log.notes == ()


def test_a_callback_may_run_passes_of_its_own(torch, watch):
    def check(log):
        squares(model(torch.randn(6, 5))).backward()
        optimizer.zero_grad()

    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, every=1, callbacks=check) as log:
        for _ in range(3):
            runs.step(optimizer, squares(model(torch.randn(6, 5))))
    assert len(log.updates) == 3 and log.notes == ()
    assert np.isfinite(log.log_h[:, 1:]).all()


# --- in words ---


def test_where_gradients_are_lost_first(torch, watch):
    class Root(torch.nn.Module):
        """Its slope at zero has no end."""

        def forward(self, x):
            return (x * (0 if self.bad else 1)).abs().sqrt()

    model = net(torch)
    model[3] = root = Root()
    root.bad = False
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x = torch.randn(6, 5)
    for every, at in ((1, 7), (5, 7)):
        other, told = copy.deepcopy(model), []
        optimizer = torch.optim.SGD(other.parameters(), lr=1e-3)
        with watch(other, optimizer, every=every) as log:
            for k in range(11):
                other[3].bad = k == at
                runs.step(optimizer, squares(other(x)))
                told.append([bool(p.grad.isfinite().all()) for p in other.parameters()])
        assert told[at] == [False] * 4 + [True] * 2 and not any(told[at + 1])
        wanted = "from update 7 on, at first in 4 of 6 parameters, the last of them 2.bias"
        assert wanted in str(log)
        assert np.isnan(log.log_p["0.weight"][-1])
    with watch(other, optimizer, every=1) as log:
        runs.step(optimizer, squares(other(x)))
    assert "not finite from update 0 on, at first in all parameters" in str(log)
    assert [*log.log_p] == [name for name, _ in other.named_parameters()]


def test_the_whole_run_in_a_few_sentences(torch, watch):
    model = net(torch)
    model.unused = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    x = torch.randn(6, 5)
    with watch(model, optimizer, every=1, steps=["0", "2", "4"]) as log:
        for k in range(40):
            optimizer.zero_grad()
            out = x
            for layer in [*model][:5]:
                out = layer(out)
            (squares(out) * (1000 if k in range(22, 40, 2) else 1)).backward()
            if k < 10:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-6)
            optimizer.param_groups[0]["lr"] = 0.0 if k > 20 else 1e-3
            optimizer.step()
    text = str(log)
    assert "clipped at 10 of 40 watched updates, by 100 % in the median" in text
    assert "no parameter moved at update 39, though it has a gradient" in text
    assert "no gradient when the optimiser stepped: unused.weight, unused.bias" in text
    assert repr(log) == text and len(text) < 1000


def test_spikes_are_shown_in_a_line_each(torch, watch):
    model = net(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x = torch.randn(6, 5)
    with watch(model, optimizer, every=1000, spikes=8) as log:
        for k in range(60):
            runs.step(optimizer, squares(model(x)) * (100 + k if k in range(30, 60, 4) else 1))
    assert len(log.spikes) == 8 and "3 more in spikes" in str(log)
    shown = repr(log.spikes)
    assert "update 30: ‖g‖ = " in shown and "tensor(" not in shown and len(shown) < 1000


def test_a_log_as_it_is_printed(torch):
    from gradtrace.torch.history import Row, TrainingLog

    log = TrainingLog(["a", "b"])
    for k, clipped in enumerate([0.0005, 0.0012, 0.25]):
        moved = np.array([1e-3, 2e-3]) * (k + 1)
        log.add(Row(10 * k, 2.0 + k, clipped, np.array([0.0, -np.inf]), moved))
        first = f"updates watched, 0 to {10 * k}" if k else "update watched, 0 to 0"
        text = f"{k + 1} {first}; ‖g‖ {2 + k}; {100 * clipped:.3g} % clipped away; ‖ΔW‖/‖W‖ "
        text += f"{1e-3 * (k + 1):.3g} (a) to {2e-3 * (k + 1):.3g} (b)\n"
        text += ["", "", "clipped at 2 of 3 watched updates, by 12.6 % in the median\n"][k]
        if k == 1:
            text += "clipped at 1 of 2 watched updates, by 0.12 % in the median\n"
        assert str(log) == text + "no gradient when the optimiser stepped: b"
    log.skipped = 1
    assert "\n1 gradient that was not finite made no update\n" in str(log)
    log.add(Row(30, np.nan, np.nan, np.array([0.0, np.nan]), np.zeros(2), lost=("b",)))
    wanted = "gradients are not finite from update 30 on, at first in 1 of 2 parameters, the last"
    assert f"{wanted} of them b\n" in str(log) and "% clipped away" not in str(log)
    assert [*log.log_p] == ["a", "b"]
    for norm in (0.0, 2.0):
        log.add(Row(40, norm, 0.0, np.zeros(2), np.zeros(2)))
        assert ("no parameter moved" in str(log)) == (norm > 0)


def test_a_healthy_run_has_one_line(torch, watch):
    run = runs.run_mlp(torch)
    with watch(*run.pairs[0], every=2) as log:
        for k in range(12):
            run.update(k)
    assert len(str(log).splitlines()) == 1
