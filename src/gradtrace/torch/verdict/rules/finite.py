"""Numbers that are not finite."""

import math

from ..causes import found


def not_finite(case):
    """nan or infinity in the loss or in a gradient: no size matters, one such number is enough.

    Where the loss is finite, it is the way back that fails, though the number may be born on the
    way forward, in a branch that torch.where does not take. Where weights or buffers hold such a
    number already, this batch is not the reason: an update before it is.
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
    module = anomaly.module.partition(" (")[0]
    home = "" if module == "the model" else module
    if spoilt_before(case, home, anomaly.operation):
        return [
            found(
                cause,
                home,
                f"In {anomaly.module}, {anomaly.operation} holds {anomaly.kind} before anything is"
                " computed: an earlier update made it so, and nothing can be learnt from here on.",
                "Start again, or load weights from before that, and look at earlier updates with"
                " gradtrace.torch.watch(model, optimizer, every=1): its spikes name the first one"
                " whose gradient was far too long, and keep the batch.",
            )
        ]
    span = ""
    if anomaly.low <= anomaly.high:
        span = f", whose input lies between {anomaly.low:.4g} and {anomaly.high:.4g}"
    hidden = ""
    if back and anomaly.way == "forward":
        hidden = " It does not reach the loss, as in the branch that torch.where leaves out, but it"
        hidden += " spoils the gradient there: 0 · nan is nan."
    return [
        found(
            cause,
            home,
            f"The first number that is not finite is born in {anomaly.module}, at"
            f" {anomaly.operation}{span}: {anomaly.kind}.{hidden}",
            f"In {anomaly.module}: {anomaly.cause}.",
            low=anomaly.low,
            high=anomaly.high,
        )
    ]


def spoilt_before(case, home, operation):
    """Whether an anomaly is that of a parameter or buffer which was not finite from the start."""
    names = [
        f"its {name}"
        for module, place in case.task.names.items()
        if place == home
        for name in [*module._parameters, *module._buffers]
    ]
    return operation in names
