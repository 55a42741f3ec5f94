"""Artists come and go: the slots that serve all states, and which of them each state fills.

A state is a sequence of keys, in the order of drawing. The slots are one longer sequence in which
every state's sequence is contained in its order, so that nothing is drawn above what it lies under.
"""

from difflib import SequenceMatcher


def align(sequences):
    """The keys of all slots, and for each sequence the positions of its keys among them.

    Parameters
    ----------
    sequences : iterable of tuple of hashable
        Each may be given many times.

    Returns
    -------
    tuple
        A list of keys, and a dict from each sequence to a tuple of positions that grow.

    Examples
    --------
    >>> keys, places = align([("axis", "line"), ("axis", "bar", "line", "text")])
    >>> keys
    ['axis', 'bar', 'line', 'text']
    >>> places["axis", "line"]
    (0, 2)
    """
    slots, keys, taken = [], [], {}  # of each slot its number and its key; per sequence the numbers
    for sequence in dict.fromkeys(sequences):
        if sequence in taken:
            continue
        numbers, merged = [], []
        matcher = SequenceMatcher(None, [keys[i] for i in slots], sequence, autojunk=False)
        for what, a, b, c, d in matcher.get_opcodes():
            merged += slots[a:b]
            if what == "equal":
                numbers += slots[a:b]
            else:
                new = range(len(keys), len(keys) + d - c)
                keys += sequence[c:d]
                merged += new
                numbers += new
        slots, taken[sequence] = merged, numbers
    place = {number: i for i, number in enumerate(slots)}
    found = {sequence: tuple(place[i] for i in numbers) for sequence, numbers in taken.items()}
    return [keys[i] for i in slots], found
