"""What the browser reads out of a figure's bytes, read by Python as js/frames.js does it."""

import json
import zlib

import numpy as np


def unpacked(figure):
    """All that is said of a figure: its spec, and what its bytes hold.

    Numbers have ``values`` and ``of``, texts ``texts`` and ``of``: which stands in each state.
    """
    spec, words = inflate(figure.data, figure.spec)
    states = np.prod([param["count"] for param in spec["params"]])
    both = zip(spec["params"], spec["labels"], strict=True)
    spec["params"] = [param | {"labels": labels} for param, labels in both]
    for series in spec["numbers"]:
        series["values"] = [rows(spec, words, series, i) for i in range(series["frames"])]
        moves = series["frames"] > 1
        series["of"] = [frame_at(words, series, i) for i in range(states)] if moves else []
    for name in ("said", "printed"):
        texts = spec[name]
        index = {"frames": len(texts["texts"]), "index": texts.pop("index")}
        moves = index["index"] >= 0
        texts["of"] = [frame_at(words, index, i) for i in range(states)] if moves else []
    return spec


def inflate(data, spec):
    """The spec with all that the bytes say in JSON, and the words."""
    plain = zlib.decompress(data)
    ends = 2 * spec["words"], 2 * spec["words"] + spec["images"]
    whole = spec | json.loads(plain[ends[1] :])
    bytes_, blocks, at = np.frombuffer(plain, np.uint8, ends[0]), [], 0
    for length, columns, lags in whole["blocks"]:
        low, high = bytes_[2 * at : 2 * (at + length)].reshape(2, length).astype(int)
        word = (low + 256 * high).reshape(columns, -1).T.ravel()
        word = np.where(word % 2, -(word + 1) // 2, word // 2)
        for lag in lags:
            for first in range(min(lag, length)):
                word[first::lag] = np.cumsum(word[first::lag])
        blocks.append(word % 65536)
        at += length
    return whole, np.concatenate([[], *blocks]).astype(int)


def long(words, at):
    """A number of two words."""
    return int(words[at] + 65536 * words[at + 1])


def frame_at(words, entry, state):
    """The number of the frame that stands in a state."""
    if entry["frames"] == 1:
        return 0
    return state if entry["index"] < 0 else long(words, entry["index"] + 2 * state)


def rows(spec, words, series, frame):
    """All x and all y of a series of numbers."""
    at = spec["table"] + 4 * (series["first"] + frame)
    count, start = long(words, at), long(words, at + 2)
    places = range(start, start + 4 * count, 4)
    return [[spec["cells"][long(words, p + first)] for p in places] for first in (0, 2)]


def shapes(spec, words, entry, state):
    """The shapes `(numbered template, coordinates)` of a slot in a state."""
    at = spec["table"] + 4 * (entry["first"] + frame_at(words, entry, state))
    template, start = long(words, at), long(words, at + 2)
    found = []
    for shape in spec["templates"][template]:
        n = count(shape)
        found.append((shape, words[start : start + n]))
        start += n
    return found


def count(shape):
    """How many coordinates a numbered shape takes."""
    kind = shape[0]
    if kind == "p":
        return 2 * sum(n for _, n in shape[3])
    if kind == "u":
        return 2 * sum(n for *_, n in shape[2])
    return 2 if kind == "t" else 0
