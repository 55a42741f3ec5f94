"""The same gradient norms for a PyTorch model of your own.

It needs PyTorch, which ``import gradtrace`` does not.
"""

try:
    from .bridge import ModelTrace, trace
    from .map import ModelGrid, grid
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "gradtrace.torch needs PyTorch: pip install torch",
        name="torch",
    ) from None

__all__ = ["ModelGrid", "ModelTrace", "grid", "trace"]
