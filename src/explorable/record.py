"""A matplotlib renderer that keeps what artists draw, ready to be moved.

Every artist ends in five calls of the renderer, so harvesting there ships everything an artist can
change (geometry, colour, width, dashes, visibility, text) without a word of code about lines, bars
or legends. A shape is a pair `(template, coordinates)`: the template is a tuple of what rarely
changes, the coordinates are `uint16` fractions of a point, y pointing down. Shapes are

    ("p", css, clip, commands)               a path; commands such as (("M", 100), ("z", 0))
                                             say how many vertices each takes
    ("u", clip, ((symbol, css, n), ...))     n uses of a symbol each, at the coordinates
    ("t", css, clip, run, matrix)            a laid-out string at one point
    ("i", clip, png, w, h, matrix, css)      an image
"""

import inspect
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import rgb2hex
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

from .glyphs import Glyphs, outline
from .units import Units

CAPS = {"projecting": "square", "butt": "butt", "round": "round"}
LETTERS = {Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


HATCHES = "hatchcolors" in inspect.signature(RendererBase._iter_collection).parameters
SHARP = 2  # pixels to the point


class Unmovable(Exception):
    """What an artist draws is no shape that can move: it becomes an image."""


class Recorder(RendererBase):
    """Collects the shapes of one artist at a time; the module's docstring says what a shape is.

    On white paper colours follow the page, which may be dark: black and white are its text and its
    paper, navy is nearly black on white and nearly white on black. On a paper of another colour
    every colour stays.
    """

    def __init__(self, width, height, paper=None):
        super().__init__()
        self.units, self.paper = Units(width, height), paper
        self.glyphs = Glyphs(self._text2path)
        self.shapes, self.keeps_colours = [], False
        self.layouts = {}  # of texts, see texts.py
        self.styles, self.clips, self.steps, self.symbols = {}, {}, {}, {}

    def afresh(self):
        """Another one for the same figure, which knows no text yet."""
        return Recorder(self.units.width, self.units.height, self.paper)

    def record(self, artist, keep_colours=False):
        """The shapes that an artist draws; it may keep its colours, whatever the page."""
        self.shapes, self.keeps_colours = [], keep_colours
        try:
            artist.draw(self)
        except Unmovable:
            self.shapes = []
            self.raster(artist)
        return self.shapes

    def raster(self, artist):
        """Record an artist as one image, as matplotlib's Agg draws it."""
        fig = artist.get_figure(root=True)
        size = round(SHARP * self.units.width), round(SHARP * self.units.height)
        agg = RendererAgg(*size, 72 * SHARP)
        fig.dpi = 72 * SHARP
        try:
            artist.draw(agg)
        finally:
            fig.dpi = 72
        pixels = np.flipud(np.asarray(agg.buffer_rgba()))  # first row at the bottom
        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis)) for axis in (1, 0))
        if len(rows):
            bottom, left = rows[0], columns[0]
            cut = pixels[bottom : rows[-1] + 1, left : columns[-1] + 1]
            place = Affine2D().translate(left, bottom).scale(1 / SHARP)
            self.image(None, np.ascontiguousarray(cut), place, crisp=False)

    @contextmanager
    def measuring(self):
        """Nothing is drawn meanwhile: artists find their places. What cannot move is told later."""
        self.start_filter = lambda: None
        try:
            with self._draw_disabled():
                yield
        finally:
            del self.start_filter

    def flipy(self):
        return True  # texts come with y down

    def option_scale_image(self):
        return True

    def get_image_magnification(self):
        return float(SHARP)  # resampled images stay sharp

    def get_canvas_width_height(self):
        return (self.units.width, self.units.height)

    def get_text_width_height_descent(self, s, prop, ismath):
        return self._text2path.get_text_width_height_descent(s, prop, ismath)

    def draw_path(self, gc, path, transform, rgbFace=None):
        filled = rgbFace is not None
        # as matplotlib's SVG does: a line is cut at the edges of the figure, a filled path is not
        canvas = None if filled else (0, 0, self.units.width, self.units.height)
        path = path.cleaned(transform, remove_nans=True, clip=canvas, curves=True)
        if not self.units.inside(path.vertices[:-1]).all():
            # curves to be cut become lines
            path = path.cleaned(remove_nans=True, clip=canvas, curves=False)
            path = self.cut(path) if filled else path
        codes = b"" if path.codes is None else path.codes.tobytes()
        key = codes, len(path.vertices)
        if key not in self.steps:
            self.steps[key] = commands(path)
        steps, keep = self.steps[key]
        if steps:
            template = ("p", self.css(gc, rgbFace), self.clip(gc), steps)
            self.keep(template, path.vertices[keep])

    def keep(self, template, points):
        """Add a shape; its points (n, 2) are in points of the figure, y up."""
        self.shapes.append((template, self.units.quantise(points)))

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        if path.codes is None:
            at = trans.transform(path.vertices)
        else:
            ends = [v[-2:] for v, _ in path.iter_segments(trans, simplify=False)]
            at = np.array(ends).reshape(-1, 2)
        at = at[self.units.inside(at)]  # drops NaN as well
        if len(at):
            uses = ((self.symbol(marker_path, marker_trans), self.css(gc, rgbFace), len(at)),)
            self.keep(("u", self.clip(gc), uses), at)

    def draw_path_collection(
        self, gc, master_transform, paths, all_transforms, offsets, offset_trans, *args, **kw
    ):
        raw = self._iter_collection_raw_paths(master_transform, paths, all_transforms)
        shapes = [(path, Affine2D(transform.get_matrix())) for path, transform in raw]
        numbers = range(len(shapes))
        if HATCHES:
            kw.setdefault("hatchcolors", [])  # a mesh with edges gives none
        symbols, uses, at = {}, [], []
        for x, y, i, gc0, face in self._iter_collection(
            gc, numbers, offsets, offset_trans, *args, **kw
        ):
            path, transform = shapes[i]
            if len(offsets) < 2:
                self.draw_path(gc0, path, transform.translate(x, y), face)
            elif self.units.inside(np.array([[x, y]]))[0]:
                if i not in symbols:
                    symbols[i] = self.symbol(path, transform)
                uses.append((symbols[i], self.css(gc0, face)))
                at.append((x, y))
        if uses:
            runs = tuple((*use, len(list(same))) for use, same in groupby(uses))
            self.keep(("u", self.clip(gc), runs), np.array(at))

    def draw_quad_mesh(
        self,
        gc,
        master_transform,
        meshWidth,
        meshHeight,
        coordinates,
        offsets,
        offsetTrans,
        facecolors,
        antialiased,
        edgecolors,
    ):
        cells = meshWidth * meshHeight
        corners = master_transform.transform(np.reshape(coordinates, (-1, 2)))
        corners = corners.reshape(meshHeight + 1, meshWidth + 1, 2)
        (x0, y0), (x1, y1) = corners[0, 0], corners[-1, -1]
        xs, ys = np.linspace(x0, x1, meshWidth + 1), np.linspace(y0, y1, meshHeight + 1)
        even = np.abs(corners - np.stack(np.meshgrid(xs, ys), -1)).max() < 0.05
        bare = edgecolors is None or not len(edgecolors) or not np.asarray(edgecolors)[..., 3].any()
        if bare and even and len(facecolors) == cells:
            # cells of one size, one colour each and no edges are the pixels of an image
            pixels = np.rint(np.asarray(facecolors) * 255).astype(np.uint8)
            pixels = pixels.reshape(meshHeight, meshWidth, 4)
            size = Affine2D().scale((x1 - x0) / meshWidth, (y1 - y0) / meshHeight).translate(x0, y0)
            return self.image(gc, pixels, size, crisp=True)
        if cells > 400:
            raise Unmovable("a mesh of so many cells")
        return super().draw_quad_mesh(
            gc,
            master_transform,
            meshWidth,
            meshHeight,
            coordinates,
            offsets,
            offsetTrans,
            facecolors,
            antialiased,
            edgecolors,
        )

    def draw_image(self, gc, x, y, im, transform=None):
        h, w = im.shape[:2]
        if not h or not w:
            return
        if transform is None:
            size = Affine2D().scale(1 / self.get_image_magnification()).translate(x, y)
        else:
            size = Affine2D().scale(1 / w, 1 / h) + transform + Affine2D().translate(x, y)
        self.image(gc, im, size, crisp=transform is not None)

    def image(self, gc, pixels, size, crisp):
        """Record pixels (h, w, 4), first row at the bottom; `size` maps pixels to points."""
        css = f"image-rendering:{'pixelated' if crisp else 'auto'}"
        if crisp and gc is not None and gc.get_forced_alpha():
            css += f";opacity:{gc.get_alpha():.6g}"
        h, w = pixels.shape[:2]
        clip = None if gc is None else self.clip(gc)
        shape = ("i", clip, png(pixels), w, h, self.units.matrix(size), css)
        self.shapes.append((shape, np.empty(0, "<u2")))

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        rgb = gc.get_rgb()
        alpha = gc.get_alpha() if gc.get_forced_alpha() else rgb[3]
        css = f"fill:{self.ink(rgb)}" + (f";opacity:{alpha:.6g}" if alpha != 1 else "")
        size = self.units.scale * prop.get_size_in_points() / self._text2path.FONT_SCALE / 64
        turn = np.radians(angle)
        cos, sin = size * np.cos(turn), size * np.sin(turn)
        # glyphs are stored with y down; + 0.0 makes a plain zero of a negative one
        matrix = tuple(float(f"{v:.6g}") + 0.0 for v in (cos, -sin, sin, cos))
        run = self.glyphs.run(s, prop, ismath, mtext)
        at = np.array([[x, self.units.height - y]])
        self.keep(("t", css, self.clip(gc), run, matrix), at)

    def draw_tex(self, gc, x, y, s, prop, angle, *, mtext=None):
        return self.draw_text(gc, x, y, s, prop, angle, "TeX", mtext)

    def draw_gouraud_triangles(self, gc, triangles_array, colors_array, transform):
        raise Unmovable("Gouraud shading")

    def start_filter(self):
        raise Unmovable("an agg_filter")

    def cut(self, path):
        """A filled path of straight lines without what lies outside 16 bits."""
        box = Bbox.from_extents(*self.units.box)
        parts = [
            Path(part, closed=True).clip_to_bbox(box)
            for part in path.to_polygons(closed_only=False)
            if len(part) > 2 and np.isfinite(part).all()
        ]
        return Path.make_compound_path(*parts).cleaned()

    def symbol(self, path, transform):
        """A marker's outline around its own origin, in units."""
        moved = path.cleaned(transform, remove_nans=True, curves=True)
        key = moved.vertices.tobytes(), moved.codes.tobytes()
        if key not in self.symbols:
            scaled = moved.vertices * (self.units.scale, -self.units.scale)
            self.symbols[key] = outline(Path(scaled, moved.codes))
        return self.symbols[key]

    def clip(self, gc):
        """The clip region as an SVG path in units, or None."""
        box = gc.get_clip_rectangle()
        path, transform = gc.get_clip_path()
        if path is None and box is None:
            return None
        if path is not None and len(path.vertices):  # an empty one clips nothing
            return self.region(path, transform)
        if box is None:
            return None
        bounds = box.bounds
        if bounds not in self.clips:
            place = Affine2D().scale(box.width, box.height).translate(box.x0, box.y0)
            self.clips[bounds] = self.region(Path.unit_rectangle(), place)
        return self.clips[bounds]

    def region(self, path, transform):
        """The area that a path encloses as an SVG path in units."""
        path = path.cleaned(transform, remove_nans=True, curves=True)
        margin = self.units.margin
        down = path.vertices * (1, -1) + (margin, self.units.height + margin)
        return outline(Path(np.rint(down * self.units.scale), path.codes))

    def ink(self, rgb):
        """A colour; one that follows the page becomes a variable, which picture.js sets."""
        code = rgb2hex(rgb[:3])
        if self.paper is not None or self.keeps_colours:
            return code
        grey = code[1:3] == code[3:5] == code[5:7]
        return f"var(--xp-{code[1:3] if grey else code[1:]},{code})"

    def css(self, gc, face):
        """Fill and stroke as matplotlib's SVG backend writes them; once a set of properties."""
        offset, dashes = gc.get_dashes()
        key = (
            None if face is None else tuple(face),
            tuple(gc.get_rgb()),
            gc.get_alpha(),
            gc.get_forced_alpha(),
            gc.get_linewidth(),
            offset,
            None if dashes is None else tuple(dashes),
            gc.get_joinstyle(),
            gc.get_capstyle(),
            gc.get_hatch(),
            gc.get_sketch_params(),
            self.keeps_colours,
        )
        if key not in self.styles:
            self.styles[key] = self.style(gc, face)
        return self.styles[key]

    def style(self, gc, face):
        """Fill and stroke in CSS, lengths in units, colours following the page."""
        if gc.get_hatch() is not None:
            raise Unmovable("hatching")
        if gc.get_sketch_params() is not None:
            raise Unmovable("a sketch line, as of xkcd")
        forced, unit = gc.get_forced_alpha(), self.units.scale
        style = {"fill": "none" if face is None else self.ink(face)}
        if face is not None and len(face) == 4 and face[3] != 1 and not forced:
            style["fill-opacity"] = f"{face[3]:.6g}"
        if forced and gc.get_alpha() != 1:
            style["opacity"] = f"{gc.get_alpha():.6g}"
        if gc.get_linewidth():
            style["stroke"] = self.ink(gc.get_rgb())
            style["stroke-width"] = f"{gc.get_linewidth() * unit:.6g}"
            if not forced and gc.get_rgb()[3] != 1:
                style["stroke-opacity"] = f"{gc.get_rgb()[3]:.6g}"
            offset, dashes = gc.get_dashes()
            if dashes is not None:
                style["stroke-dasharray"] = ",".join(f"{v * unit:.6g}" for v in dashes)
                style["stroke-dashoffset"] = f"{offset * unit:.6g}"
            if gc.get_joinstyle() != "round":
                style["stroke-linejoin"] = str(gc.get_joinstyle())
            if gc.get_capstyle() != "butt":
                style["stroke-linecap"] = CAPS[str(gc.get_capstyle())]
        return ";".join(f"{k}:{v}" for k, v in style.items())


def commands(path):
    """SVG commands of a cleaned path, each with its number of vertices; the vertices to keep."""
    codes = path.codes
    if codes is None:
        codes = np.full(len(path.vertices), Path.LINETO, np.uint8)
        codes[:1] = Path.MOVETO
    keep = (codes != Path.STOP) & (codes != Path.CLOSEPOLY)
    steps, start = [], 0
    cuts = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for end in cuts:
        code, n = codes[start], end - start
        if code == Path.MOVETO:
            steps += [("M", 1)] * n
        elif code == Path.LINETO and steps and steps[-1] == ("M", 1):
            steps[-1] = ("M", 1 + n)  # SVG draws on after a move
        elif code in LETTERS:
            steps.append((LETTERS[code], n))
        elif code == Path.CLOSEPOLY:
            steps.append(("z", 0))
        start = end
    return tuple(steps), keep


def png(pixels):
    """The bytes of a PNG, with a palette where that loses nothing."""
    flat = np.ascontiguousarray(pixels).view(np.uint32).reshape(pixels.shape[:2])
    colours, indices = np.unique(flat, return_inverse=True)
    table = colours.view(np.uint8).reshape(-1, 4)
    picture = Image.fromarray(pixels)
    if len(colours) <= 256 and (table[:, 3] == 255).all():
        picture = Image.fromarray(indices.reshape(flat.shape).astype(np.uint8))
        picture.putpalette(table[:, :3].tobytes())
    out = BytesIO()
    picture.save(out, format="png", optimize=False)
    return out.getvalue()
