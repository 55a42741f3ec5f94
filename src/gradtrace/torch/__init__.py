"""The same gradient norms for a PyTorch model of your own; needs PyTorch, which ``import gradtrace`` does not."""

try:
    from .bridge import ModelTrace, trace
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError("gradtrace.torch needs PyTorch: pip install 'gradtrace[peers]', or pip install torch",
                              name="torch") from None

__all__ = ["ModelTrace", "trace"]
