"""The book's own pictures: of a shared link, in a browser's tab, and the moving one of the README.

Link and icon show the norm of a gradient on a grid, layers upwards and time steps to the right, as
`gradtrace.stack` and `gradtrace.trace` compute it. It starts at the last step of the highest layer
and fades on its way to the first step of the lowest. The moving picture is the figure of the front
page as a browser shows it. To draw them again, after `make book`:

    python book/pictures.py
"""

from io import BytesIO
from pathlib import Path
from shutil import which

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from PIL import Image
from playwright.sync_api import sync_playwright

from gradtrace import RNN, forward, init, init_params, stack, trace

STATIC = Path(__file__).with_name("static")
SIZE = (1200, 630)  # pixels, as the sites that show previews want them
CELL = 35  # pixels between two states
NIGHT = "#0e1722"
FADING = LinearSegmentedColormap.from_list(
    "fading", ["#16283a", "#0b5c8a", "#3f9fd0", "#f0b43c", "#fff3d6"]
)


def shares(layers, steps, *, gain=0.5, n=32):
    """Where each gradient stands between the smallest, 0, and the largest, 1: (layers, steps).

    Logarithms of norms count. The nets are tanh layers with orthogonal weights, all multiplied by
    the gain, and the loss is ½‖h‖² of the last state of the highest layer.
    """
    rng = np.random.default_rng(0)
    cell = RNN(n, n, phi="tanh")
    params = [init_params(cell, rng, init.orthogonal, gain=gain) for _ in range(layers)]
    x = 0.1 * rng.standard_normal((steps, 1, n))
    h, vjps = forward(stack(cell, params, x), np.zeros((1, n)))
    log = trace(vjps, h[-1][-1]).log_h[1:, 1:]
    return (log - log.min()) / (log.max() - log.min())


def preview():
    """The picture of a shared link: a disc for every state, and the title in the place of some."""
    width, height = SIZE
    grid = shares(height // CELL, width // CELL)
    layers, steps = grid.shape
    left, low = (width - (steps - 1) * CELL) / 2, (height - (layers - 1) * CELL) / 2
    x, y = np.meshgrid(left + CELL * np.arange(steps), low + CELL * np.arange(layers))
    shown = np.ones_like(grid, dtype=bool)
    shown[2:9, 1:16] = False  # the title
    diameter = CELL * (0.1 + 0.7 * grid[shown])
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=NIGHT)
    ax = figure.add_axes([0, 0, 1, 1], xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    points = (0.72 * diameter) ** 2  # the area of a marker is counted in points
    ax.scatter(x[shown], y[shown], s=points, c=grid[shown], cmap=FADING, linewidths=0)
    for line, text in enumerate(["Gradients", "Through Depth", "and Time"]):
        ax.text(x[0, 1], 252 - 78 * line, text, size=52, family="STIXGeneral", color="white")
    return image(figure).convert("RGB").quantize(128)


def image(figure):
    out = BytesIO()
    figure.savefig(out, format="png")
    return Image.open(out)


def discs():
    """The icon on a field of 32 × 32: centre, radius and colour for three layers × three steps."""
    for (layer, step), share in np.ndenumerate(shares(3, 3)):
        colour = to_hex(FADING(0.3 + 0.7 * share))
        yield (8 + 8 * step, 24 - 8 * layer), 1.4 + 1.9 * share, colour


def icon():
    """The icon as SVG."""
    circles = [f'<circle cx="{x}" cy="{y}" r="{r:.2f}" fill="{c}"/>' for (x, y), r, c in discs()]
    frame = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    ground = f'<rect width="32" height="32" rx="6" fill="{NIGHT}"/>'
    return "\n".join([frame, ground, *circles, "</svg>\n"])


def pixels(size):
    """The same icon as an image of so many pixels, for what does not read SVG."""
    figure = Figure(figsize=(1, 1), dpi=size, facecolor="none")
    ax = figure.add_axes([0, 0, 1, 1], xlim=(0, 32), ylim=(32, 0))
    ax.axis("off")
    round_corners = "round,pad=6,rounding_size=6"
    ax.add_patch(FancyBboxPatch((6, 6), 20, 20, boxstyle=round_corners, color=NIGHT))
    for centre, radius, colour in discs():
        ax.add_patch(Circle(centre, radius, color=colour, linewidth=0))
    return image(figure)


def moving(site):
    """The front page's figure, playing: a list of pictures."""
    frames = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.goto((site / "book" / "intro.html").as_uri())
        figure = page.locator(".xp-live[data-state=live] .xp-body")
        slider = figure.get_by_role("slider")
        slider.focus()
        page.keyboard.press("Home")
        for _ in range(int(slider.get_attribute("max")) + 1):
            page.wait_for_timeout(60)  # pictures load
            frames.append(Image.open(BytesIO(figure.screenshot())).convert("RGB").quantize(64))
            page.keyboard.press("ArrowRight")
        browser.close()
    return frames


if __name__ == "__main__":
    preview().save(STATIC / "preview.png")
    (STATIC / "icon.svg").write_text(icon())
    pixels(180).save(STATIC / "icon.png")  # a phone's home screen
    pixels(32).save(STATIC / "icon.ico")
    first, *others = moving(Path(__file__).parents[1] / "_build" / "html")
    first.save(
        Path(__file__).with_name("live-figure.gif"),
        save_all=True,
        append_images=[*others, *12 * [others[-1]]],  # the end stays a while
        duration=100,
        loop=0,
    )
