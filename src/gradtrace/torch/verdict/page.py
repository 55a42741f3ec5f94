"""A report as one HTML file."""

import math
from html import escape

from explorable.live import on_one_page

from .causes import BRINGS, IN_WORDS
from .figures import figures_of
from .mark import MARK

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
{mark}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}
</style>
<main>
{body}
</main>
<script>
{script}
</script>
</html>
"""

STYLE = """
:root { --line: color-mix(in srgb, CanvasText 20%, Canvas);
  --soft: color-mix(in srgb, CanvasText 6%, Canvas);
  --bad: light-dark(#b33c00, #ff9c66); --good: light-dark(#00704f, #4fd1a5); }
body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; margin: 0.2rem 0 0.6rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.4rem; }
h3 { font-size: 1.05rem; margin: 0 0 0.3rem; overflow-wrap: anywhere; }
p { margin: 0.5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.about, .caption, .print { color: color-mix(in srgb, CanvasText 75%, Canvas); }
.print { font-size: 0.9rem; }
.bad { color: var(--bad); } .good { color: var(--good); }
.lead { font-size: 1.15rem; }
.do { border-left: 4px solid var(--good); padding: 0.2rem 0 0.2rem 0.9rem; }
.other { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.8rem 1rem;
  margin: 0.8rem 0; }
.table { overflow: auto; max-height: 75vh; border: 1px solid var(--line); border-radius: 0.5rem; }
table { border-collapse: separate; border-spacing: 0; font-size: 0.9rem; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: var(--soft); z-index: 2; vertical-align: bottom;
  white-space: normal; min-width: 3.5rem; }
tbody th, thead th:first-child { text-align: left; font-weight: 400; position: sticky; left: 0;
  background: Canvas; max-width: 14rem; overflow: hidden; text-overflow: ellipsis; }
thead th:first-child { z-index: 3; background: var(--soft); font-weight: 700; }
tbody th small { display: block; color: color-mix(in srgb, CanvasText 65%, Canvas);
  overflow: hidden; text-overflow: ellipsis; }
tr.named th, tr.named td { font-weight: 700; color: var(--bad); }
.xp-first { display: block; max-width: 100%; height: auto; background: white; }
@media (max-width: 30rem) { tbody th, thead th:first-child { max-width: 8.5rem; } }
"""

HEADS = {
    "module": "module",
    "parameters": "para­meters",
    "weight": "‖W‖",
    "gradient": "‖∂L/∂W‖",
    "update": "‖ΔW‖ / ‖W‖",
    "output": "size of output",
    "dead": "dead units",
    "saturated": "at flat ends",
    "covered": "in opti­miser",
}

HOW_TO_READ = (
    "‖W‖ and ‖∂L/∂W‖ are norms over all entries of a module's own parameters, ‖ΔW‖ / ‖W‖ is the"
    " median over the updates, of its largest parameter. The size of output is a root mean square."
    " Dead units give zero for every example of the batch; at flat ends stands what a sigmoid, tanh"
    " or softmax gives out where its slope is below a twentieth of the largest."
)
LIMITS = (
    "A report sees one batch and a few updates on it. It knows the causes that it has a rule for,"
    " and no finding is no guarantee: wrong labels, too little data, or a task beyond the model"
    " leave no trace here. Read a finding as a question that is worth asking first."
)
WHAT_WAS_DONE = (
    "The model ran forward and back on the batch, watched from outside, then once more with a trace"
    " of its gradient norms; copies of its parameters were updated on the batch. The model, its"
    " gradients, the optimiser and all generators of random numbers are as they were, and so is"
    " what the loss and hooks keep, but for what is named here."
)


def page(report):
    """The text of the file."""
    figures, failed = figures_of(report)
    elements, script = on_one_page({name: live for name, (_, _, live) in figures.items()})
    body = [*verdict(report)]
    for (heading, caption, _), element in zip(figures.values(), elements, strict=True):
        body += [f"<h2>{escape(heading)}</h2>", element, paragraph(caption, "caption")]
    body += [*table(report), *small_print([*report.notes, *failed])]
    return PAGE.format(
        mark=MARK,
        title=escape(f"Report: {title(report)}"),
        style=STYLE,
        body="\n".join(body),
        script=script,
    )


def title(report):
    """The verdict in a few words."""
    if report.healthy:
        return "No findings"
    return headline(report.findings[0])


def headline(finding):
    """A finding in a few plain words."""
    words = IN_WORDS[finding.cause]
    return f"{words}, in {finding.module}" if finding.module else words


def paragraph(text, kind=""):
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def verdict(report):
    """What it is, what to do, and what else was found."""
    words = title(report)
    mood = "good" if report.healthy else "bad"
    yield paragraph(report.model, "about")
    yield f'<h1 class="{mood}">{escape(words)}</h1>'
    if report.healthy:
        yield paragraph(
            "Nothing of what this report knows is wrong with the model on this batch.", "lead"
        )
        return
    first, *others = report.findings
    yield paragraph(first.sentence, "lead")
    yield f'<p class="do"><strong>Try first:</strong> {escape(first.remedy)}</p>'
    yield f"<p><strong>Read:</strong> {link(first.chapter, report.book)}</p>"
    if others:
        yield "<h2>Also seen</h2>"
    for finding in others:
        brought = finding.cause in BRINGS.get(first.cause, ())
        yield '<div class="other">'
        yield f"<h3>{escape(headline(finding))}</h3>"
        if brought:
            yield paragraph("This may well come from the first finding.", "about")
        yield paragraph(finding.sentence)
        yield paragraph(finding.remedy)
        yield f"<p>Read: {link(finding.chapter, report.book)}</p></div>"


def link(chapter, book):
    """A chapter by title and file, and as a link if there is an address."""
    if not book:
        return f"<cite>{escape(chapter.title)}</cite> (<code>{escape(chapter.file)}</code>)"
    address = f"{book.rstrip('/')}/{chapter.file.removesuffix('.ipynb')}.html"
    return f'<a href="{escape(address)}"><cite>{escape(chapter.title)}</cite></a>'


def table(report):
    """A row for every module."""
    if not report.modules:
        return
    shown = [name for name in HEADS if name != "covered" or report.updates.by_optimizer]
    named = {finding.module for finding in report.findings if finding.module}
    yield '<h2>Module by module</h2><div class="table" tabindex="0" role="region"'
    yield ' aria-label="Module by module"><table><thead><tr>'
    yield "".join(f'<th scope="col">{HEADS[name]}</th>' for name in shown)
    yield "</tr></thead><tbody>"
    for row in report.modules:
        kind = ' class="named"' if row.module in named else ""
        name = escape(row.module or "(the model)")
        cells = [cell(row, column) for column in shown[1:]]
        yield f'<tr{kind}><th scope="row" title="{name}">{name}<small>{row.kind}</small></th>'
        yield "".join(f"<td>{each}</td>" for each in cells) + "</tr>"
    yield "</tbody></table></div>"
    yield paragraph(HOW_TO_READ, "caption")


def cell(row, column):
    """A value as the table has it; empty where there is nothing to measure."""
    value = getattr(row, column)
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}" if value else ""
    if column in ("dead", "saturated"):
        return "" if math.isnan(value) else f"{100 * value:.0f} %"
    if math.isnan(value):
        measured = row.calls if column == "output" else row.parameters and column != "update"
        return "nan" if measured else ""
    return f"{value:.2g}"


def small_print(notes):
    yield "<h2>The small print</h2>"
    yield paragraph(WHAT_WAS_DONE, "print")
    for note in notes:
        yield paragraph(note, "print")
    yield paragraph(LIMITS, "print")
