"""Numbers in words, with no more digits than they have."""


def percent(share):
    """
    >>> percent(0.5), percent(1.0), percent(0.001), percent(1.4e13)
    ('50 %', '100 %', '0.1 %', '1.4e+15 %')
    """
    if share > 1e3:
        return f"{100 * share:.2g} %"
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.2g} %"


def factor(ratio):
    """
    >>> factor(3.14159), factor(123456.0), factor(2e-7)
    ('3.1', '1.2e+05', '2e-07')
    """
    return f"{ratio:.2g}"
