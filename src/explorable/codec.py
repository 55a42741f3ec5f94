"""Frames as one block of bytes and one JSON-able spec.

js/frames.js reads what `pack` writes, and so does `decode`.

`decode` reads it, too. A slot is one artist. Its frames are stored once each, however many states
share them:

    words   uint16: per slot an index (state -> frame, left out when the frames are the states in
            order, or when there is one), a table (frame -> template, where its coordinates start:
            low and high word), then coordinates
    bytes   deflated: of each word the difference from the word two places before (x from x, y from
            y), all low bytes first, then all high bytes, then the PNG images
    spec    styles, clips, symbols, glyphs, runs: shared strings; templates: shapes by the numbers
            of these
"""

import hashlib
import json
import zlib
from itertools import pairwise
from typing import NamedTuple

import numpy as np


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
    """

    def __init__(self, name, key, states):
        self.name, self.key = name, key
        self.panel, _, self.role, self.gid = key
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
    """Collects slots into the bytes and the spec."""

    def __init__(self):
        self.styles, self.clips, self.symbols, self.glyphs = Table(), Table(), Table(), Table()
        self.runs, self.images, self.templates = Table(), Table(), Table()
        self.words = []

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

    def at(self):
        """How many words are written."""
        return sum(map(len, self.words))

    def slot(self, number, slot):
        """Write one slot; returns its entry in the spec."""
        frames, index = slot.ordered()
        entry = {"slot": number, "role": slot.role, "frames": len(frames), "index": -1}
        if 1 < len(frames) < len(index):
            entry["index"] = self.at()
            self.words.append(index)
        entry["table"] = self.at()
        start = self.at() + 3 * len(frames)  # behind the table, which has three words a frame
        table = []
        for template, coordinates in frames:
            numbered = [self.shape(shape) for shape in template]
            written = tuple(json.dumps(shape, separators=(",", ":")) for shape in numbered)
            table += [self.templates.of(written), start & 0xFFFF, start >> 16]
            start += len(coordinates) // 2
        self.words += [table, *(np.frombuffer(c, "<u2") for _, c in frames)]
        return entry


def pack(slots):
    """The deflated bytes of all frames, and the part of the spec that says what they are."""
    packer = Packer()
    entries = [packer.slot(number, slot) for number, slot in enumerate(slots)]
    words = np.concatenate([np.asarray(w, "<u2") for w in [[], *packer.words]])
    ends = np.cumsum([0, *map(len, packer.images)]).tolist()
    spec = {
        "words": len(words),
        "slots": entries,
        "templates": [[json.loads(s) for s in t] for t in packer.templates],
        "styles": list(packer.styles),
        "clips": list(packer.clips),
        "symbols": list(packer.symbols),
        "glyphs": list(packer.glyphs),
        "runs": [list(r) for r in packer.runs],
        "images": [[a, b - a] for a, b in pairwise(ends)],
    }
    plain = words.tobytes() + b"".join(packer.images)
    spec["id"] = "xp" + hashlib.sha256(plain + json.dumps(spec).encode()).hexdigest()[:10]
    return deflate(words, packer.images), spec


def deflate(words, images):
    """Words and images as bytes of a page: small where neighbours and frames are alike."""
    before = np.concatenate([np.zeros(2, "<u2"), words[:-2]])[: len(words)]
    split = (words - before).astype("<u2").view(np.uint8).reshape(-1, 2).T
    return zlib.compress(split.tobytes() + b"".join(images), 9)


def inflate(spec, data):
    """The words again."""
    count = spec["words"]
    split = np.frombuffer(zlib.decompress(data), np.uint8, 2 * count).reshape(2, count).T
    words = np.ascontiguousarray(split).view("<u2").ravel().copy()
    for first in (0, 1):
        words[first::2] = np.cumsum(words[first::2], dtype="<u2")
    return words.astype(int)


def decode(spec, words, entry, state):
    """The shapes `(numbered template, coordinates)` of a slot in a state."""
    if entry["frames"] == 1:
        frame = 0
    else:
        frame = state if entry["index"] < 0 else words[entry["index"] + state]
    template, low, high = words[entry["table"] + 3 * frame :][:3]
    at, shapes = low + (high << 16), []
    for shape in spec["templates"][template]:
        n = count(shape)
        shapes.append((shape, words[at : at + n]))
        at += n
    return shapes


def count(shape):
    """How many coordinates a numbered shape takes."""
    kind = shape[0]
    if kind == "p":
        return 2 * sum(n for _, n in shape[3])
    if kind == "u":
        return 2 * sum(n for *_, n in shape[2])
    return 2 if kind == "t" else 0
