"""`explore`: an ordinary matplotlib function as a figure with sliders."""

import re
from collections.abc import Mapping
from inspect import signature

from .acts import Prediction, Register, drag_spec, expect_drag, predict_spec, register_spec
from .grid import Grid, View
from .harvest import Harvest
from .limits import WAYS
from .live import TRAITS, Live, described
from .preview import first_sight
from .settings import expect_bytes, rcParams
from .texts import warned_once
from .values import says_values
from .weight import weigh


def explore(
    view=None,
    /,
    *,
    alt=None,
    anchor=None,
    start=None,
    size=None,
    panels=None,
    limits="fixed",
    title=None,
    cases=None,
    predict=None,
    drag=None,
    register=None,
    play=None,
    autoplay=False,
    wide=False,
    max_bytes=None,
    figure=None,
    **grid,
):
    """A live figure: `view` drawn by matplotlib at every point of a grid, moved by sliders at 60
    frames a second.

    Parameters
    ----------
    view : callable
        ``view(ax, gain, activation)`` draws one state on `ax`, with several panels on their flat
        array. ``view(gain, activation)`` draws by pyplot, ``plt.plot(...)``, on a figure of its
        own if it likes. What it prints stands under the figure, and so does what it returns, as
        under `interact`, unless that is what it has drawn.
    alt : str
        What the figure shows, for those who cannot see it.
    anchor : str, optional
        What links call the figure, ``[gain 1.2](#powers?gain=1.2)`` for ``anchor="powers"``; small
        letters, digits and hyphens. Without one it is ``fig-1``, ``fig-2`` …, as it stands on its
        page.
    start : dict, optional
        The state to open with, in part or whole.
    size : pair of float, optional
        Inches; 4.25 by 3 for a view that is given axes, else what matplotlib's settings say. On a
        phone a panel of 4.25 inches has texts of 11 pixels; columns of panels stand under one
        another there.
    panels : pair of int, optional
        Rows and columns of axes that the view is given.
    limits : {"fixed", "union", "moving"}
        ``"fixed"``: the view sets the same limits in every state, so that a line that rises has
        risen; ``"union"``: axes have the limits that hold all states, for which every state is
        drawn once more; ``"moving"``: limits, ticks and labels move with the state, and the axes
        leave room for the widest (states are drawn once more where a layout places the axes). So
        it is with the numbers at both ends of a colour bar.
    title : str, optional
        A line above the figure.
    cases : dict of str to dict, optional
        Numbered buttons under the figure, each with the state it sets: ``{"just below one":
        dict(gain=0.9)}``.
    predict : Prediction, optional
        A question to be answered before the controls are free.
    drag : sequence of str, optional
        One or two parameters with numbers that the pointer sets, too: the view draws a point with
        ``gid="drag"``, and wherever the reader presses or drags within its axes, they take the
        values that bring the point nearest.
    register : Register, optional
        A game: a button keeps the best states in the picture.
    play : str, optional
        A parameter that a button lets run through its values.
    autoplay : bool
        Whether it also runs once by itself, from its first value to its last, when the figure comes
        into sight on a page without kernel. Readers who have asked for less motion see the state to
        open with.
    wide : bool
        Whether the picture grows to the full width of its place.
    max_bytes : float, optional
        How much the figure may take, compressed; without it ``explorable.rcParams["max_bytes"]``,
        which is 4 MB unless a course sets it.
    figure : dict, optional
        Options whose name the view has for a parameter: ``figure={"size": (6, 3)}`` for a view
        with a parameter ``size``. A view with ``**others`` gets the option only if it names it.
    **grid
        The values of each parameter, as in ipywidgets' `interact`: ``(0, 10)`` or
        ``(0.0, 1.0, 0.05)`` for a range, an array or a list of numbers (a slider), a list or a dict
        of labels and any values (a dropdown), a bool (a checkbox), ``fixed(value)`` or a string
        for what stays, a number for a range around it, or a widget. A parameter starts with the
        default that the view has for it if that is among its values; else a range in its middle
        and a list with its first value. What takes the place of a missing value (NaN, NaT, a
        masked entry) is no value.

    Returns
    -------
    Explore
        A widget with ``.controls[name]`` and ``.figure``, to link others to, and ``.save(path)``.
        Where ipywidgets or anywidget is missing, a `Live` with ``.save`` alone.

    Raises
    ------
    TypeError, ValueError
        An argument that cannot be used; a view that raises, that draws nothing, or one state in two
        ways, or whose limits change although they are fixed. The message names the argument or
        artist, what was expected and what was given, and the states between which it changed.
    KeyboardInterrupt
        Stopped before all states were drawn. In a notebook the first state stays, and one sentence
        says how far it was.

    Examples
    --------
    >>> import numpy as np
    >>> def view(ax, gain):
    ...     ax.plot(gain ** np.arange(50))
    ...     ax.set(yscale="log", ylim=(1e-6, 1e6))
    >>> explore(view, alt="powers of the gain", gain=np.linspace(0.8, 1.2, 41), play="gain")
    Explore(gain: 41 values)
    """
    options = {
        "alt": alt,
        "anchor": anchor,
        "start": start,
        "size": size,
        "panels": panels,
        "limits": limits,
        "title": title,
        "cases": cases,
        "predict": predict,
        "drag": drag,
        "register": register,
        "play": play,
        "autoplay": autoplay,
        "wide": wide,
        "max_bytes": max_bytes,
    }
    if view is None and callable(grid.get("view")):
        view = grid.pop("view")  # by its name
    options, values = sorted_out(view, options, figure, grid)
    view = View(view, values)
    with warned_once():
        return built(view, Grid(values, view.defaults), **options)


def sorted_out(view, options, figure, values):
    """The options of a figure, and the values of its view's parameters.

    An option whose name the view takes is the view's: then `figure` may give the figure's own. A
    default of the view that is a range or a widget gives values, too.
    """
    usual = {
        name: p.default for name, p in signature(explore).parameters.items() if name in options
    }
    if figure is not None and "figure" in View(view, values | {"figure": figure}).takes:
        figure, values = None, values | {"figure": figure}
    figure = {} if figure is None else figure
    if not isinstance(figure, Mapping) or not set(figure) <= usual.keys():
        raise TypeError(f"figure: expected a dict of some of {list(usual)}, got {figure!r:.60}")
    given = {name: value for name, value in options.items() if value is not usual[name]}
    takes = View(view, given | values)
    taken = {name: value for name, value in options.items() if name in takes.takes}
    own = {name: value for name, value in options.items() if name not in taken}
    if takes.anything and not values and given:
        name = [*given][-1]
        raise ValueError(
            f"{name}: expected a parameter with values, got an option of the figure; a view that"
            f" takes it names it, as in def view({name}, **others)"
        )
    meant = {name: value for name, value in taken.items() if name in given}
    said = {name: value for name, value in takes.defaults.items() if says_values(value)}
    return usual | own | dict(figure), said | meant | values


def built(
    view,
    grid,
    *,
    alt,
    anchor,
    start,
    size,
    panels,
    limits,
    title,
    cases,
    predict,
    drag,
    register,
    play,
    autoplay,
    wide,
    max_bytes,
):
    """The figure of a checked view and grid."""
    view.expect({**grid.values, **grid.constants})
    expect_texts(alt, anchor, title)
    if size is not None:
        size = pair("size", size, float)
    if panels is not None and not view.given:
        raise ValueError(
            "panels: expected none for a view that makes its own axes, got"
            f" {panels!r:.60}; write view(axes, ...) to be given them"
        )
    panels = pair("panels", (1, 1) if panels is None else panels, int)
    if limits not in WAYS:
        raise ValueError(f"limits: expected one of {list(WAYS)}, got {limits!r:.60}")
    for name, given, wanted in (("predict", predict, Prediction), ("register", register, Register)):
        if given is not None and not isinstance(given, wanted):
            raise TypeError(f"{name}: expected a {wanted.__name__}, got {given!r:.60}")
    if cases is not None and not isinstance(cases, Mapping):
        raise TypeError(f"cases: expected a dict of labels and states, got {cases!r:.60}")
    if drag is not None:
        expect_drag(drag, grid)
    expect_play(play, autoplay, grid)
    expect_flag("wide", wide)
    most = rcParams["max_bytes"] if max_bytes is None else expect_bytes("max_bytes", max_bytes)
    opening = grid.locate({} if start is None else start, "start")
    question = None if predict is None else predict_spec(predict, grid, opening)
    jumps = [
        {"label": str(label), "at": jump(grid, label, state)}
        for label, state in (cases or {}).items()
    ]
    number = grid.number(opening)
    locked = question is not None and question["lock"]
    hidden = locked and question["at"] == opening
    with first_sight(
        alt,
        lambda harvest: None if hidden else harvest.picture(number, hidden),
        grid.reduce() + ", or draw less in the view",
    ) as sight:
        harvest = Harvest(
            view,
            grid,
            size=size,
            panels=panels,
            limits=limits,
            start=number,
            most=most,
            progress=sight.drawn,
        )
        data, spec = described(
            harvest,
            grid,
            opening,
            drag=None if drag is None else drag_spec(drag, grid, harvest),
            register=None if register is None else register_spec(register, grid, harvest),
            wide=wide,
            play=play,
            autoplay=autoplay,
        )
        weigh(grid, len(data), most)
        first = harvest.picture(number, hidden)
    traits = TRAITS | {
        "spec": spec,
        "alt": alt,
        "name": anchor or "",
        "title": title or "",
        "cases": jumps,
        "predict": question,
        "locked": locked,
    }
    for name, index in opening.items():
        traits[f"at_{name}"] = bool(index) if grid.kind(name) == "bool" else index
    live = Live(traits, data, first)
    try:
        from .widget import Explore
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        return live  # matplotlib alone
    shown = Explore(live, grid)
    sight.give_way(shown)
    return shown


def expect_texts(alt, anchor, title):
    """Raise unless the three texts are what they should be."""
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(f"alt: expected a sentence that says what the figure shows, got {alt!r}")
    if anchor is not None and not (
        isinstance(anchor, str) and re.fullmatch(r"[a-z][a-z0-9-]*", anchor)
    ):
        raise ValueError(
            "anchor: expected small letters, digits and hyphens, a letter first,"
            f" got {anchor!r:.60}"
        )
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title: expected a string, got {title!r:.60}")


def expect_play(play, autoplay, grid):
    """Raise unless ``play`` names a parameter with several values, if it is to play by itself."""
    if play is not None and (
        not isinstance(play, str) or play not in grid.values or len(grid.values[play]) < 2
    ):
        several = [name for name, values in grid.values.items() if len(values) > 1]
        raise ValueError(f"play: expected one of {several}, got {play!r:.60}")
    expect_flag("autoplay", autoplay)
    if autoplay and play is None:
        raise ValueError("autoplay: expected False, as `play` names no parameter, got True")


def expect_flag(name, given):
    """Raise unless it is a bool."""
    if not isinstance(given, bool):
        raise TypeError(f"{name}: expected True or False, got {given!r:.60}")


def jump(grid, label, state):
    """The indices that a case sets; what it does not name stays where the reader put it."""
    found = grid.locate(state, f"cases[{label!r}]")
    return {name: found[name] for name in state}


def pair(name, given, number):
    """Two positive numbers of one kind."""
    try:
        a, b = (number(v) for v in given)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected two positive numbers, got {given!r}") from None
    if not (0 < a < 1e3 and 0 < b < 1e3) or tuple(given) != (a, b):
        raise ValueError(f"{name}: expected two positive numbers, got {given!r}")
    return a, b
