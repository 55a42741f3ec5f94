"""The same gradient norms for a PyTorch model of your own.

It needs PyTorch, which ``import gradtrace`` does not.
"""

try:
    from . import callbacks  # noqa: F401
    from .anomalies import Anomaly
    from .bridge import ModelTrace, trace
    from .history import TrainingLog
    from .map import ModelGrid, grid
    from .report import Report, report
    from .spikes import Spike
    from .verdict.causes import Finding
    from .watch import watch
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
    "Spike",
    "TrainingLog",
    "grid",
    "report",
    "trace",
    "watch",
]
