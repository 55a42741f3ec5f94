"""How the file of a report says that it is one, so that a later report may replace it."""

MARK = '<meta name="generator" content="gradtrace.torch.report">'
