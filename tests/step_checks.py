"""What every step has to pass: one set of checks for all layers, cells and combinators."""

import importlib
import pkgutil

import numpy as np

import gradtrace.steps
from gradtrace import Step, gradient_errors, init, init_params

# With an array of gains the parameters have the array's axes in front: one net for each gain.
SWEEPS = {
    "no sweep": 1.0,
    "41 gains": np.linspace(0.2, 2.2, 41),
    "2 x 3 gains": np.linspace(0.5, 1.5, 6).reshape(2, 3),
}


def all_steps():
    """The class of every step in the package."""
    for module in pkgutil.iter_modules(gradtrace.steps.__path__, "gradtrace.steps."):
        importlib.import_module(module.name)

    def below(cls):
        return {cls}.union(*map(below, cls.__subclasses__()))

    return {cls for cls in below(Step) if cls.__module__.startswith("gradtrace.steps.")} - {Step}


def arguments(step, rng, gain=1.0, batch=5):
    """Random parameters (none of them zero), state and input for ``step``."""
    p = init_params(step, rng, init.lecun, gain=gain)
    p = {name: value + 0.1 * rng.standard_normal(value.shape) for name, value in p.items()}
    x = None if step.inputs is None else rng.standard_normal((batch, *step.inputs))
    h = rng.standard_normal((batch, *step.features))
    return p, h, x


def check_finite_differences(step, sweep="no sweep", kinked=False):
    """The pullback agrees with finite differences for state, input and every parameter."""
    rng = np.random.default_rng(1)
    p, h, x = arguments(step, rng, SWEEPS[sweep])
    width = 1e-5 if kinked else 1e-3  # near a kink a narrow difference stays on one side
    errors = gradient_errors(step, p, h, x, rng=rng, width=width)
    expected = {"h", *p} if x is None else {"h", "x", *p}
    assert set(errors) == expected
    assert max(errors.values()) < 1e-7, errors


def check_sweep_equals_loop(step):
    """Five members, each with parameters of its own, in one pass give what five passes give."""
    rng = np.random.default_rng(3)
    gains = np.linspace(0.2, 2.2, 5)
    p, h, x = arguments(step, rng, gains)
    for name, shape in step.shapes().items():
        p[name] = p[name] + 0.1 * rng.standard_normal((len(gains), *shape))

    out, vjp = step(p, h, x)
    g = rng.standard_normal(out.shape)
    swept = vjp(g)
    for i in range(len(gains)):
        one = {name: value[i] for name, value in p.items()}
        out_i, vjp_i = step(one, h, x)
        alone = vjp_i(g[i])
        np.testing.assert_allclose(out[i], out_i, rtol=1e-12)
        np.testing.assert_allclose(swept.h[i], alone.h, rtol=1e-11, atol=1e-14)
        for name in p:
            np.testing.assert_allclose(swept.p[name][i], alone.p[name], rtol=1e-11, atol=1e-14)
