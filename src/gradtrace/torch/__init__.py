"""The same gradient norms for a PyTorch model of your own.

It needs PyTorch, which ``import gradtrace`` does not.
"""

try:
    from .anomalies import Anomaly
    from .bridge import ModelTrace, trace
    from .map import ModelGrid, grid
    from .report import Report, report
    from .verdict.causes import Finding
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        "gradtrace.torch needs PyTorch: pip install torch",
        name="torch",
    ) from None

__all__ = [
    "Anomaly",
    "Finding",
    "ModelGrid",
    "ModelTrace",
    "Report",
    "grid",
    "report",
    "trace",
]
