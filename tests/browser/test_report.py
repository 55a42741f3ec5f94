"""A report in a browser: verdict first, figures alive, no request, and readable on a phone."""

import pytest

WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 375, "height": 700}


@pytest.fixture(scope="module")
def reports(oracle, tmp_path_factory):
    """The folder of two reports: a recurrent net in which gradients vanish, and one with nan."""
    torch = oracle("torch")
    import gradtrace.torch

    class Last(torch.nn.Module):
        def __init__(self, root):
            super().__init__()
            self.rnn, self.root = torch.nn.RNN(4, 16, 2, batch_first=True), root

        def forward(self, x):
            h = self.rnn(x)[0][:, -1]
            return h.sqrt() if self.root else h

    folder = tmp_path_factory.mktemp("reports")
    torch.manual_seed(0)
    batch = torch.randn(8, 40, 4), torch.randn(8, 16)
    for name, root in (("fades", False), ("nan", True)):
        model = Last(root)
        optimizer = torch.optim.Adam(model.parameters())
        path = folder / f"{name}.html"
        gradtrace.torch.report(model, batch, torch.nn.MSELoss(), optimizer, path=path)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_verdict_figures_and_table_stand_on_one_page_alone(visit, reports, viewport, scheme):
    visited = visit(reports.as_uri(), viewport=viewport, color_scheme=scheme)
    page = visited.open("fades.html")
    assert page.locator("h1").inner_text() == "The gradient vanishes, in rnn"
    assert "notebooks/through-time.ipynb" in page.locator("main").inner_text()
    figures = page.locator(".xp-live")
    assert figures.count() == 3
    assert figures.evaluate_all("all => all.map((each) => each.dataset.state)") == ["live"] * 3
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("tbody th").all_inner_texts()[0].split() == ["rnn", "RNN"]
    head = page.locator("thead th").nth(1)
    assert head.evaluate("each => getComputedStyle(each).position") == "sticky"
    visited.assert_clean()


def test_a_slider_of_a_report_moves_its_figure(visit, reports):
    visited = visit(reports.as_uri(), viewport=WIDE)
    page = visited.open("fades.html")
    figure = page.locator("#updates")
    before = figure.locator("svg").first.inner_html()
    slider = figure.locator("input[type=range]")
    slider.focus()
    slider.press("End")
    page.wait_for_timeout(100)
    assert figure.locator("svg").first.inner_html() != before
    visited.assert_clean()


def test_a_loss_that_is_nan_is_explained(visit, reports):
    visited = visit(reports.as_uri(), viewport=PHONE)
    page = visited.open("nan.html")
    assert page.locator("h1").inner_text() == "Not finite on the way forward"
    assert "sqrt" in page.locator(".lead").inner_text()
    assert page.locator("tbody tr").count() >= 1
    visited.assert_clean()
