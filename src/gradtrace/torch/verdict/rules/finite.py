"""Numbers that are not finite."""

import math

from ..causes import found


def not_finite(case):
    """nan or infinity in the loss or in a gradient: no size matters, one such number is enough."""
    findings = []
    for anomaly in case.anomalies:
        module = anomaly.module.partition(" (")[0]
        span = ""
        if anomaly.low <= anomaly.high:
            span = f", whose input lies between {anomaly.low:.4g} and {anomaly.high:.4g}"
        findings.append(
            found(
                f"not finite, {anomaly.way}",
                "" if module == "the model" else module,
                f"The first number that is not finite is born in {anomaly.module},"
                f" at {anomaly.operation}{span}: {anomaly.kind}.",
                f"In {anomaly.module}: {anomaly.cause}.",
                low=anomaly.low,
                high=anomaly.high,
            )
        )
    if not findings and not case.finite:
        findings.append(
            found(
                "not finite, forward" if not math.isfinite(case.loss) else "not finite, backward",
                "",
                "The loss or a gradient is not finite; the operation could not be found.",
                "Run once more in float64, and under torch.autograd.set_detect_anomaly(True).",
            )
        )
    return findings[:1]
