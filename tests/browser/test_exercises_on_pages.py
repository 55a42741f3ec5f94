"""Numbers and choices are answered on the page, where there is no kernel."""

from pathlib import Path

import numpy as np
from answers import CHOICES, FADE, GROWS, NUMBERS, ROW

from gradtrace.notebook.exercises import Function

BOOK = Path(__file__).parents[2] / "book"
SCRIPT = BOOK / "static" / "exercise.js"
HOW_TO_READ = BOOK / "how-to-read.md"


def asked(page, exercise):
    """Put an exercise on a page of its own; return its form."""
    page.set_content(f"<main>{exercise.judge(...)._repr_html_()}</main>")
    page.add_script_tag(path=SCRIPT)
    return page.locator(".exercise-form")


def said(form):
    return form.get_by_role("status").inner_text()


def test_a_number_hears_on_a_page_what_it_hears_in_a_notebook(chromium):
    page = chromium.new_page()
    for exercise, yours, right, sentence in NUMBERS:
        form = asked(page, exercise)
        form.get_by_role("textbox").fill(yours)
        form.get_by_role("textbox").press("Enter")
        assert said(form) == sentence, yours
        assert (form.locator("[data-right=true]").count() == 1) == right
    page.close()


def test_a_choice_hears_on_a_page_what_it_hears_in_a_notebook(chromium):
    page = chromium.new_page()
    for option, _, sentence in CHOICES:
        form = asked(page, GROWS)
        form.get_by_label(option).check()
        form.get_by_role("button", name="Check").click()
        assert said(form) == sentence
    page.close()


def test_a_function_leads_to_how_the_notebooks_are_opened(chromium):
    square = Function(np.square, {"a number": (2.0,)}).judge(...)._repr_html_()
    page = chromium.new_page()
    page.set_content(f'<html data-content_root="../"><main>{square}</main></html>')
    page.add_script_tag(path=SCRIPT)
    address, heading = page.get_by_role("link").get_attribute("href").split("#")
    assert address == "../book/how-to-read.html"
    assert f"\n## {heading.replace('-', ' ').capitalize()}\n" in HOW_TO_READ.read_text()
    assert page.locator("main").inner_text().startswith("You write this function in JupyterLab:")
    page.close()


def test_what_is_typed_may_be_a_fraction_or_no_number(chromium):
    page = chromium.new_page()
    form = asked(page, FADE)
    for yours, sentence in {
        "29.898/3": "Right. Three decades.",
        "−9.966": "Not yet: the sign is the other one.",
        "9.966e0": "Right. Three decades.",
        "ten": "Not yet: a number is expected, such as 0.25, 1/4 or 2.5e-1.",
        "1/2/3": "Not yet: a number is expected, such as 0.25, 1/4 or 2.5e-1.",
        "1/0": "Not yet: it is not a finite number.",
        "0x10": "Not yet: a number is expected, such as 0.25, 1/4 or 2.5e-1.",
        "−99660e−4": "Not yet: the sign is the other one.",
        " ": "Not answered yet.",
    }.items():
        form.get_by_role("textbox").fill(yours)
        form.get_by_role("button", name="Check").click()
        assert said(form) == sentence, yours
    page.close()


def test_several_numbers_may_stand_in_brackets_and_be_fractions(chromium):
    page = chromium.new_page()
    form = asked(page, ROW)
    for yours in ("[1, 20]", "2 / 2, 40/2", "(1; 20)"):
        form.get_by_role("textbox").fill(yours)
        form.get_by_role("button", name="Check").click()
        assert said(form) == "Right.", yours
    page.close()


RIGHT = """form => {
    const { answer, kind } = window.exercises.decode(form.parentElement.dataset.exercise);
    const fields = [...form.querySelectorAll("input")];
    if (kind === "number") fields[0].value = answer.join(", ");
    else fields.find((field) => field.value === answer).checked = true;
    form.requestSubmit();
    return form.querySelector("[role=status]").textContent;
}"""


def test_every_form_of_the_book_takes_its_answer(visit, site, exercise_page):
    v = visit(site.as_uri(), formulas=False)
    page = v.open(exercise_page)
    forms = page.locator(".exercise-form")
    assert forms.count() == page.locator(".exercise:not(:has-text('in JupyterLab'))").count()
    for i in range(forms.count()):
        assert forms.nth(i).evaluate(RIGHT).startswith("Right."), i
    v.assert_clean()
