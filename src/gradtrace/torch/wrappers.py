"""Models inside others that change how they run, not what: data parallel and compiled ones."""

import sys
from contextlib import nullcontext

import torch

PARALLEL = torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel


def unwrapped(module):
    """The module that runs in the end, of a data parallel or compiled one."""
    while True:
        if isinstance(module, PARALLEL):
            module = module.module
        elif "_orig_mod" in module._modules:  # what torch.compile returns
            module = module._orig_mod
        else:
            return module


def named_modules(model):
    """``{module: name}`` of all modules but wrappers, whose part in the names is left out.

    Examples
    --------
    >>> layer = torch.nn.Linear(2, 2)
    >>> named_modules(torch.nn.Sequential(torch.nn.DataParallel(layer)))[layer]
    '0'
    """
    names, todo = {}, [(model, "")]
    while todo:
        module, name = todo.pop()
        module = unwrapped(module)
        if module not in names:
            names[module] = name
            inside = [*module.named_children()]
            todo += [(child, f"{name}.{key}".lstrip(".")) for key, child in reversed(inside)]
    return names


def children(module):
    """The modules directly inside, without wrappers."""
    return [unwrapped(child) for child in module.children()]


def compiled_parts(model):
    """The modules that run within compiled ones."""
    wrappers = [
        m
        for m in model.modules()
        if "_orig_mod" in m._modules or getattr(m, "_compiled_call_impl", None)
    ]
    return {part for wrapper in wrappers for part in wrapper.modules()}


def eagerly():
    """While it lasts, nothing is compiled: a compiled program would not see what is traced."""
    compiler = sys.modules.get("torch._dynamo") and getattr(torch.compiler, "set_stance", None)
    return compiler("force_eager") if compiler else nullcontext()


def expect_python(model):
    """Raise if a part of the model cannot be traced: TorchScript, or lazy and not yet called."""
    for name, module in model.named_modules():
        who = name or "the whole model"
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(
                f"model: expected modules that Python runs, got TorchScript, {who};"
                " trace the model that it was made of"
            )
        held = [*module._parameters.values(), *module._buffers.values()]
        if any(map(torch.nn.parameter.is_lazy, held)):
            raise ValueError(
                f"model: expected parameters and buffers with values, got lazy ones in {who};"
                " call the model once on a batch first"
            )
