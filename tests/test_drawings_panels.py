"""Small images: named axes, limits that do not depend on the image, values where asked for. Scores: all of them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gradtrace.drawings import panels


def drawn(image, **how):
    ax = Figure().subplots()
    panels.picture(ax, image, **how)
    return ax


def test_rows_run_from_the_top_and_axes_are_named():
    ax = drawn(np.zeros((4, 6)), title="empty")
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 5.5), (3.5, -0.5))
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("column", "row", "empty")


def test_images_of_different_sizes_share_their_axes():
    small, large = (drawn(np.zeros((n, n)), side=12) for n in (1, 12))
    assert small.get_xlim() == large.get_xlim() == (-0.5, 11.5)
    assert small.images[0].get_extent() == large.images[0].get_extent()
    assert list(small.get_xticks()) == list(large.get_xticks())


@pytest.mark.parametrize("signed, least", [(False, 0), (True, -2)])
def test_full_colour_is_where_it_was_asked_for(signed, least):
    assert drawn(np.eye(2), most=2, signed=signed).images[0].get_clim() == (least, 2)


def test_numbers_are_written_where_asked_for_only():
    values = np.array([[1.0, -0.25], [0.0, 0.3333]])
    assert [text.get_text() for text in drawn(values, numbers=True).texts] == ["1", "−0.25", "0", "0.33"]
    assert not drawn(values).texts


def test_a_window_is_framed_by_the_edges_of_its_pixels():
    x, y = drawn(np.zeros((8, 8)), window=(1, 4, 3)).lines[0].get_data()
    assert (min(x), max(x), min(y), max(y)) == pytest.approx((3.6, 6.4, 0.6, 3.4))


def test_an_image_has_two_axes():
    with pytest.raises(ValueError, match=r"image: expected shape \(height, width\), came shape \(1, 2, 2\)"):
        drawn(np.zeros((1, 2, 2)))


def test_every_score_is_a_dot_and_the_median_a_bar():
    ax = Figure().subplots()
    panels.scores(ax, {"one": np.array([3.0, 1.0, 8.0]), "other": np.array([5.0])}, ["#0072B2", "#E69F00"])
    dots, bar, other, _ = ax.lines
    assert sorted(dots.get_ydata()) == [1, 3, 8] and set(bar.get_ydata()) == {3} and list(other.get_ydata()) == [5]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "other"]


def test_a_mosaic_holds_every_image_at_its_place_and_nothing_else():
    images = np.arange(3 * 2 * 4.0).reshape(3, 2, 4)
    out = panels.mosaic(images, 2)
    assert out.shape == (5, 9) and np.isnan(out).sum() == out.size - images.size
    assert np.array_equal(out[:2, 5:], images[1]) and np.array_equal(out[3:, :4], images[2])


def test_a_row_shows_every_image_under_its_name():
    axes = Figure().subplots(1, 2)
    panels.row(axes, {"a": np.zeros((2, 2)), "b": np.eye(3)}, signed=True)
    assert [ax.get_title() for ax in axes] == ["a", "b"] and (axes[1].images[0].get_array() == np.eye(3)).all()
    with pytest.raises(ValueError, match="shorter"):
        panels.row(axes, {"a": np.zeros((2, 2))})


def test_a_gallery_names_its_rows_in_their_middle():
    ax = Figure().subplots()
    panels.gallery(ax, {"a": np.zeros((2, 3, 3)), "b": np.ones((2, 3, 3))}, "column", "row")
    shown = ax.images[0].get_array()
    assert shown.shape == (7, 7) and shown[0, 0] == 0 and shown[6, 6] == 1
    assert ax.get_yticks().tolist() == [1, 5] and not len(ax.get_xticks())
