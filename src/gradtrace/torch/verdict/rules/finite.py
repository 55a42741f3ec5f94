"""Numbers that are not finite."""

import math

from ..causes import found


def not_finite(case):
    """nan or infinity in the loss or in a gradient: no size matters, one such number is enough.

    Where the loss is finite, it is the way back that fails, though the number may be born on the
    way forward, in a branch that torch.where does not take.
    """
    back = math.isfinite(case.loss)
    cause = "not finite, backward" if back else "not finite, forward"
    if not case.anomalies:
        return [
            found(
                cause,
                "",
                "The loss or a gradient is not finite; the operation could not be found.",
                "Run once more in float64, and under torch.autograd.set_detect_anomaly(True).",
            )
        ]
    anomaly = case.anomalies[0]
    span = ""
    if anomaly.low <= anomaly.high:
        span = f", whose input lies between {anomaly.low:.4g} and {anomaly.high:.4g}"
    hidden = ""
    if back and anomaly.way == "forward":
        hidden = " It does not reach the loss, as in the branch that torch.where leaves out, but it"
        hidden += " spoils the gradient there: 0 · nan is nan."
    module = anomaly.module.partition(" (")[0]
    return [
        found(
            cause,
            "" if module == "the model" else module,
            f"The first number that is not finite is born in {anomaly.module}, at"
            f" {anomaly.operation}{span}: {anomaly.kind}.{hidden}",
            f"In {anomaly.module}: {anomaly.cause}.",
            low=anomaly.low,
            high=anomaly.high,
        )
    ]
