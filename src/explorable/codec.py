"""Frames, numbers and texts as one block of bytes.

js/frames.js reads what `pack` writes. A slot is one artist; its frames are stored once each,
however many states share them. The bytes are deflated, and hold one behind the other

    words    uint16, in blocks: see below
    images   PNGs
    texts    JSON in UTF-8, with all else that grows with the states: shared strings (styles, clips,
             symbols, glyphs, runs), templates (shapes by the numbers of these), slots, numbers

Longer numbers take two words, the lower one first. The words are

    index    of each state its frame; left out where the frames are the states in order, or where
             there is one
    frames   of a slot: the coordinates of its shapes; of a series of numbers: of each row x and y,
             as places in the list of all texts that its numbers are
    table    of each frame its template, or how many rows it has, and where its words start

A block is a table of words, with frames of one length as its rows. From each word that `lag` places
before is subtracted, once for every lag of the block; then its sign goes into the lowest bit. What
is left is written column by column, all low bytes before all high bytes. With a lag of two a point
is told by the one before, with the length of a frame by the same point of the frame before: small
numbers, which deflate well. Each block has the lags and the columns that make it smallest.
"""

import hashlib
import json
import zlib
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np

MANY = 8  # frames of one length that make a block of their own
TRIED = 1 << 22  # words of a block that lags and columns are tried on


class Frame(NamedTuple):
    """What an artist draws: templates of shapes (see `record`), and all their coordinates."""

    shapes: tuple
    coordinates: bytes


NOTHING = Frame((), b"")


def frame_of(shapes):
    """The frame of shapes ``(template, coordinates)``."""
    parts = [xy for _, xy in shapes]
    coordinates = np.concatenate(parts).tobytes() if parts else b""
    return Frame(tuple(shape for shape, _ in shapes), coordinates)


def weight(frame):
    """How many bytes a frame takes before it is deflated, its strings aside."""
    pictures = [png for kind, _, png, *_ in frame.shapes if kind == "i"]
    return len(frame.coordinates) + sum(map(len, pictures))


class Slot:
    """The frames of one artist, each stored once.

    Parameters
    ----------
    name : str
        What errors call the artist.
    key : tuple
        The number of its axes or None, its type, its role, its gid.
    states : int
        How many there are; where nothing is put, nothing is drawn.

    Attributes
    ----------
    role : str
        ``"data"`` or ``"axes"``: what a prediction hides, and what it leaves.
    tile : int
        The column of the picture that it stands in.
    """

    def __init__(self, name, key, states):
        self.name, self.key = name, key
        self.panel, _, self.role, self.gid = key
        self.tile = 0
        self.frames, self.index = {}, np.full(states, -1)

    def put(self, state, frame):
        """Store what the artist draws in one state."""
        self.index[state] = self.frames.setdefault(frame, len(self.frames))

    def close(self):
        """Say that nothing is drawn elsewhere, and that what moves is data: it tells an answer."""
        if -1 in self.index:
            self.index[self.index == -1] = self.frames.setdefault(NOTHING, len(self.frames))
        if len(self.frames) > 1:
            self.role = "data"

    def ordered(self):
        """Frames by first appearance among the states, and the index into them.

        The order in which the states were visited makes no difference.
        """
        used, first, index = np.unique(self.index, return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.argsort(order)
        frames = list(self.frames)
        return [frames[used[i]] for i in order], rank[index]


class Table(dict):
    """Numbers for things, in order of first appearance."""

    def of(self, thing):
        return self.setdefault(thing, len(self))


class Packer:
    """Collects slots and series into words, images and what is written as text.

    Attributes
    ----------
    blocks : list of (int, int, list of int)
        Words, columns and lags of each block.
    """

    def __init__(self):
        self.styles, self.clips, self.symbols, self.glyphs = Table(), Table(), Table(), Table()
        self.runs, self.images, self.templates = Table(), Table(), Table()
        self.numbered = {}  # templates of shapes that have been seen
        self.blocks, self.parts, self.count = [], [], 0
        self.table, self.loose = [], []

    def shape(self, shape):
        """A shape with numbers in place of strings."""
        kind, *rest = shape
        if kind == "p":
            css, clip, steps = rest
            return ["p", self.styles.of(css), self.clip(clip), steps]
        if kind == "u":
            clip, uses = rest
            numbered = [[self.symbols.of(d), self.styles.of(css), n] for d, css, n in uses]
            return ["u", self.clip(clip), numbered]
        if kind == "t":
            css, clip, run, matrix = rest
            glyphs = []
            for d, x, y in run:
                glyphs += [self.glyphs.of(d), x, y]
            return ["t", self.styles.of(css), self.clip(clip), self.runs.of(tuple(glyphs)), matrix]
        clip, png, w, h, matrix, css = rest
        return ["i", self.styles.of(css), self.clip(clip), self.images.of(png), w, h, matrix]

    def clip(self, clip):
        return -1 if clip is None else self.clips.of(clip)

    def template(self, shapes):
        """The number of the shapes of a frame."""
        if shapes not in self.numbered:
            written = json.dumps([self.shape(shape) for shape in shapes], separators=(",", ":"))
            self.numbered[shapes] = self.templates.of(written)
        return self.numbered[shapes]

    def slot(self, number, slot):
        """Write one slot; returns its entry."""
        frames, index = slot.ordered()
        written = [(self.template(shapes), xy) for shapes, xy in frames]
        return {"slot": number, "role": slot.role, "tile": slot.tile} | self.frames(written, index)

    def frames(self, frames, index):
        """Write frames ``(number, bytes of words)``, and which of them stands in each state.

        Returns
        -------
        dict
            How many there are, the place of the first in the table, and where the index starts: -1
            if there is none.
        """
        entry = {"frames": len(frames), "first": len(self.table), "index": -1}
        if len(frames) > 1 and list(index) != list(range(len(frames))):
            entry["index"] = self.index(index)
        alike = Counter(len(words) for _, words in frames)
        groups = {}
        for number, words in frames:
            if words and alike[len(words)] >= MANY:
                groups.setdefault(len(words) // 2, []).append((len(self.table), words))
            else:
                self.loose.append((len(self.table), words))
            self.table.append([number, 0])
        for length, group in groups.items():
            self.rows(group, length)
        return entry

    def rows(self, group, length):
        """Write frames ``(place in the table, bytes)`` as one block and note where each starts."""
        at = self.count
        for place, words in group:
            self.table[place][1] = at
            at += len(words) // 2
        ways = [(2, (2,)), (2, (2, 2))]
        if length > 2:
            ways += [(2, (length, 2)), (2, (length, 2, 2)), (2, (length, length))]
            ways += [(length, (length,)), (length, (length, length))]
        words = np.frombuffer(b"".join(words for _, words in group), "<u2")
        self.block(words, ways)

    def index(self, of):
        """Write a number for each state; returns where."""
        return self.block(long(of), [(2, (2,)), (2, ())])

    def block(self, words, ways):
        """Write words in that one of the ways ``(columns, lags)`` which makes them smallest."""
        at = self.count
        if len(words):
            some = max(1, TRIED // ways[-1][0]) * ways[-1][0]  # whole rows
            tried = [len(zlib.compress(laid_out(words[:some], *way))) for way in ways]
            columns, lags = ways[int(np.argmin(tried))]
            self.blocks.append([len(words), columns, list(lags)])
            self.parts.append(laid_out(words, columns, lags))
            self.count += len(words)
        return at

    def close(self):
        """Write single frames and the table; returns where the table starts."""
        self.rows(self.loose, 2)
        return self.block(long(self.table), [(4, (4,))])


def pack(slots, series=(), texts=(), **more):
    """The bytes of a figure, and what has to be known to read them.

    Parameters
    ----------
    slots : list of Slot
    series : list of dict
        Of numbers, see `numbers`: their ``values`` and ``of`` become words.
    texts : dict of str to list of str
        By name, a text for every state.
    more : object
        JSON-able, as it is.

    Returns
    -------
    tuple
        bytes; and ``{"words": how many, "images": how many bytes, "id": a name that changes}``.
    """
    packer = Packer()
    entries = [packer.slot(number, slot) for number, slot in enumerate(slots)]
    cells = ranked({cell for each in series for xy in each["values"] for of in xy for cell in of})
    numbers = [told(packer, each, cells) for each in series]
    said = {name: each_once(packer, each) for name, each in dict(texts).items()}
    table = packer.close()
    ends = np.cumsum([0, *map(len, packer.images)]).tolist()
    rest = {
        "slots": entries,
        "templates": [json.loads(template) for template in packer.templates],
        "styles": list(packer.styles),
        "clips": list(packer.clips),
        "symbols": list(packer.symbols),
        "glyphs": list(packer.glyphs),
        "runs": [list(run) for run in packer.runs],
        "pictures": [[a, b - a] for a, b in pairwise(ends)],
        "numbers": numbers,
        "cells": list(cells),
        "table": table,
        "blocks": packer.blocks,
    }
    written = json.dumps(rest | said | more, separators=(",", ":"), ensure_ascii=False)
    plain = b"".join([*packer.parts, *packer.images, written.encode()])
    name = "xp" + hashlib.sha256(plain).hexdigest()[:10]
    return zlib.compress(plain, 9), {"words": packer.count, "images": ends[-1], "id": name}


def least(slots):
    """How many bytes these frames take, deflated, whatever frames may follow them.

    Frames of one length that are few do not count: with some more they become a block, and small.
    Nor does what is written as text.
    """
    packer = Packer()
    for number, slot in enumerate(slots):
        packer.slot(number, slot)
    return len(zlib.compress(b"".join([*packer.parts, *packer.images]), 9))


def laid_out(words, columns, lags):
    """The bytes of a block."""
    words = words.astype("<u2")
    for lag in lags:
        words[lag:] -= words[:-lag].copy()
    signed = words.astype("<i2")
    words = ((signed << 1) ^ (signed >> 15)).astype("<u2")
    by_column = np.ascontiguousarray(words.reshape(-1, columns).T).ravel()
    return by_column.view(np.uint8).reshape(-1, 2).T.tobytes()


def long(numbers):
    """Whole numbers as two words each."""
    return np.ravel(np.asarray(numbers, "<u4")).view("<u2")


def ranked(cells):
    """The place of each text, numbers by size: neighbouring numbers have neighbouring places."""

    def size(cell):
        try:
            number = float(cell)
        except ValueError:
            return (np.inf, cell)
        return (number if np.isfinite(number) else np.inf, cell)

    return {cell: i for i, cell in enumerate(sorted(cells, key=size))}


def told(packer, series, cells):
    """A series of numbers, its values written as words."""
    frames = [
        (len(x), long([[cells[a], cells[b]] for a, b in zip(x, y, strict=True)]).tobytes())
        for x, y in series["values"]
    ]
    named = {name: series[name] for name in ("panel", "label", "x", "y")}
    return named | packer.frames(frames, series["of"])


def each_once(packer, texts):
    """Different texts, and where it is written which of them stands in each state."""
    different = Table()
    of = [different.of(text) for text in texts]
    return {"texts": list(different), "index": packer.index(of) if len(different) > 1 else -1}
