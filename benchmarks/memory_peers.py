"""Checkpointing in PyTorch and JAX beside ours, each in a fresh process, as they share no way to count bytes.

``python -m benchmarks.memory_peers NAME T n B FILE`` prints the seconds and the megabytes by which the process grew,
and puts ``∂L/∂W`` into a file. A short path and the compiler go first, so that only the work itself counts. Linux only.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import memory


def stretch(T):
    """The largest divisor of ``T`` up to √T."""
    return max(k for k in range(1, int(T**0.5) + 1) if T % k == 0)


def of_plan(name):
    def contestant(path, h0, g):
        return lambda: memory.bptt(path, h0, g, memory.PLANS[name]).grads.shared()["W"]
    return contestant


def torch_checkpoint(path, h0, g):
    import torch
    from torch.utils.checkpoint import checkpoint
    torch.set_num_threads(1)
    W, U, b = (torch.tensor(path.p[name]).requires_grad_() for name in "WUb")
    x, h0, g, S = torch.tensor(path.x), torch.tensor(h0), torch.tensor(g), stretch(len(path.x))

    def part(h, x):
        for a in x @ U + b:
            h = torch.tanh(h @ W + a)
        return h

    def call():
        h = h0
        for k in range(0, len(x), S):
            h = checkpoint(part, h, x[k:k + S], use_reentrant=False)
        (h * g).sum().backward()
        return W.grad.numpy()
    return call


def jax_checkpoint(path, h0, g):
    import jax
    import jax.numpy as jnp
    S = stretch(len(path.x))
    p, x, h0, g = {name: jnp.asarray(path.p[name]) for name in "WUb"}, jnp.asarray(path.x), *map(jnp.asarray, (h0, g))

    @jax.checkpoint
    def part(p, h, x):
        step = lambda h, a: (jnp.tanh(h @ p["W"] + a), None)
        return jax.lax.scan(step, h, x @ p["U"] + p["b"])[0]

    def loss(p, h0, x, g):
        x = x.reshape(len(x) // S, S, *x.shape[1:])
        return (jax.lax.scan(lambda h, x: (part(p, h, x), None), h0, x)[0] * g).sum()

    run = jax.jit(jax.grad(loss)).lower(p, h0, x, g).compile()
    return lambda: np.asarray(run(p, h0, x, g)["W"])


CONTESTANTS = {"ours, full": of_plan("full"), "ours, √T": of_plan("√T"), "PyTorch, checkpoint every √T, no trace":
               torch_checkpoint, "JAX, nested checkpoint, no trace": jax_checkpoint}


def measure(T, n, B, rounds):
    """``[seconds, megabytes]`` of each round by name, in shuffled turns, and who is missing; results agree."""
    names, runs, grads, rng = list(CONTESTANTS), {name: [] for name in CONTESTANTS}, {}, random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "W.npy")
        for _ in range(rounds):
            rng.shuffle(names)
            for name in list(names):
                command = [sys.executable, "-m", "benchmarks.memory_peers", name, *map(str, (T, n, B, file))]
                run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
                if "ModuleNotFoundError" in run.stderr:
                    names.remove(name)
                    continue
                run.check_returncode()
                runs[name].append([float(word) for word in run.stdout.split()])
                grads[name] = np.load(file)
    expected = grads["ours, full"]
    for name, value in grads.items():
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-10 * np.abs(expected).max(), err_msg=name)
    return {name: np.array(runs[name]) for name in CONTESTANTS if runs[name]}, [
        name for name in CONTESTANTS if not runs[name]]


def status(field):
    """Bytes in that field of this process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def main(name, T, n, B, file):
    CONTESTANTS[name](*memory.problem(16, int(n), int(B)))()
    call = CONTESTANTS[name](*memory.problem(int(T), int(n), int(B)))
    Path("/proc/self/clear_refs").write_text("5")               # the peak starts anew
    held, start = status("VmRSS"), time.perf_counter()
    W = call()
    seconds = time.perf_counter() - start
    print(seconds, (status("VmHWM") - held) / 2**20)
    np.save(file, W)


if __name__ == "__main__":
    main(*sys.argv[1:])
