"""Combinators: they take steps and are steps."""

from dataclasses import dataclass

from .contract import Grads, Step, checked


@dataclass(frozen=True)
class Seq:
    """``h' = F_k(… F_2(F_1(h, x)))``, several steps as one; only the first may take the input ``x``.

    Parameters
    ----------
    *steps : Step
        At least one. Their parameters are called ``"0.W"``, ``"1.W"`` and so on.
    """

    steps: tuple[Step, ...]

    def __init__(self, *steps):
        if not steps:
            raise ValueError("steps: expected at least one step, came none")
        for i, step in enumerate(steps):
            if not isinstance(step, Step):
                raise TypeError(f"steps[{i}]: expected a step, came {type(step).__name__} {step!r:.40}")
            if i and step.inputs is not None:
                raise ValueError(f"steps[{i}]: expected a step without input after the first, came {step}")
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "features", steps[0].features)
        object.__setattr__(self, "inputs", steps[0].inputs)

    def __str__(self):
        return f"Seq({', '.join(map(str, self.steps))})"

    def shapes(self):
        return {f"{i}.{name}": shape for i, step in enumerate(self.steps) for name, shape in step.shapes().items()}

    @checked
    def __call__(self, p, h, x=None):
        vjps = []
        for i, step in enumerate(self.steps):
            own = {name: p[f"{i}.{name}"] for name in step.shapes()}
            h, vjp = step(own, h, x if i == 0 else None)
            vjps.append(vjp)
        def vjp(g):
            dp = {}
            for i in reversed(range(len(vjps))):            # the chain rule, last step first
                g, dx, own = vjps[i](g)
                dp |= {f"{i}.{name}": value for name, value in own.items()}
            return Grads(g, dx, dp)
        return h, vjp


@dataclass(frozen=True)
class Residual:
    """``h' = h + F(h, x)``, a step that adds to its state instead of replacing it.

    Parameters
    ----------
    inner : Step
        ``F``; its output has the shape of its input. Parameters are those of ``F``.

    Source: Grosse–Ba, "residual block"; Cremer, "Residual Network". Taught in: notebooks 01 and 07.
    """

    inner: Step

    def __post_init__(self):
        if not isinstance(self.inner, Step):
            raise TypeError(f"inner: expected a step, came {type(self.inner).__name__} {self.inner!r:.40}")
        object.__setattr__(self, "features", self.inner.features)
        object.__setattr__(self, "inputs", self.inner.inputs)

    def __str__(self):
        return f"Residual({self.inner})"

    def shapes(self):
        return self.inner.shapes()

    @checked
    def __call__(self, p, h, x=None):
        f, inner_vjp = self.inner(p, h, x)
        if f.shape[-len(self.features):] != self.features:
            raise ValueError(f"inner: expected {self.inner} to return the features {self.features} that it takes,"
                             f" came {f.shape[-len(self.features):]}")
        def vjp(g):                                         # g = ∂L/∂h'
            dh, dx, dp = inner_vjp(g)
            return Grads(g + dh, dx, dp)                    # ∂L/∂h = g (I + ∂F/∂h)
        return h + f, vjp                                   # h' = h + F(h, x)
