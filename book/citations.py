"""Sphinx: how the book cites, and the form of its page of references.

In a page, ``{cite:t}`kingma2015``` becomes *Kingma and Ba (2015)*, which leads to the entry on the
page. A docstring writes just that, for whoever reads it with ``help``; on the pages of the API it
gets the same link.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pybtex.database import parse_file
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.unsrt import Style, pages
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting import BaseSortingStyle
from pybtex.style.template import field as entry_field
from pybtex.style.template import first_of, join, names, optional, optional_field, sentence, tag
from sphinx.errors import ExtensionError
from sphinxcontrib.bibtex.plugin import register_plugin as register_reference_style
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle
from sphinxcontrib.bibtex.style.referencing.basic_author_year import (
    BasicAuthorYearTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import join2, post_text, pre_text, reference, year

REFERENCE_STYLES = "sphinxcontrib.bibtex.style.referencing"
KINDS = ["article", "book", "incollection", "inproceedings", "mastersthesis", "misc", "phdthesis"]


def setup(app):
    app.connect("builder-inited", read_labels)
    app.connect("autodoc-process-docstring", link, priority=700)  # after docstring_stars
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def short_names(entry):
    """``Kingma and Ba`` or ``Pascanu et al.``, as a sentence has them."""
    surnames = [str(surname(person)) for person in entry.persons["author"]]
    if len(surnames) > 2:
        return f"{surnames[0]} et al."
    return " and ".join(surnames)


def surname(person):
    parts = [*person.rich_prelast_names, *person.rich_last_names]
    return Text(" ").join(parts)


def label(entry):
    """``Kingma and Ba (2015)``."""
    return f"{short_names(entry)} ({entry.fields['year']})"


def labels(entries):
    """The key of every label. Two works with one label are an error."""
    found = {label(entry): key for key, entry in entries.items()}
    twice = [name for name, n in Counter(map(label, entries.values())).items() if n > 1]
    if twice:
        raise ExtensionError(f"two works are cited as {twice[0]}: add letters to their years")
    return found


def read_labels(app):
    entries = {}
    for name in app.config.bibtex_bibfiles:
        entries |= parse_file(Path(app.srcdir, name), "bibtex").entries
    app.cited_labels = labels(entries)


def link(app, what, name, obj, options, lines):
    """Turn each label in a docstring into a role that leads to its entry."""
    lines[:] = [with_roles(line, app.cited_labels) for line in lines]


def with_roles(line, keys):
    parts = line.split("``")
    any_label = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(keys, key=len)[::-1]))})")
    for i in range(0, len(parts), 2):  # every second one is literal
        parts[i] = any_label.sub(lambda found: f":cite:t:`{keys[found.group()]}`", parts[i])
    return "``".join(parts)


class ByLabel(BaseSortingStyle):
    """As a reader looks for what stands in the text."""

    def sorting_key(self, entry):
        return label(entry).casefold()


class NameAndYear(BaseLabelStyle):
    """An entry begins with what the text calls it."""

    def format_labels(self, sorted_entries):
        return [label(entry) for entry in sorted_entries]


class Reference(Style):
    """Authors, title, where it appeared, links, how much was read; the label has the year."""

    default_label_style = "name_and_year"
    default_sorting_style = "by_label"

    def template(self, entry):
        number = optional[join["(", entry_field("number"), ")"]]
        place = first_of[
            tuple(
                optional[entry_field(name)]
                for name in ["journal", "booktitle", "publisher", "school", "howpublished"]
            )
        ]
        return toplevel[
            sentence[names("author", sep=", ", sep2=" and ", last_sep=" and ")],
            sentence[tag("em")[entry_field("title")]],
            sentence[
                optional_field("type"),
                place,
                optional[entry_field("series")],
                optional[join[entry_field("volume"), number]],
                optional[pages],
            ],
            self.format_web_refs(entry),
            join["[", entry_field("note"), "]"],
        ]


for kind in KINDS:
    setattr(Reference, f"get_{kind}_template", Reference.template)


round_brackets = partial(BracketStyle, left="(", right=")")


class WholeLink(BasicAuthorYearTextualReferenceStyle):
    """All of ``Kingma and Ba (2015)`` is the link, not only the year."""

    def inner(self, role_name):
        who = self.person.author_or_editor_or_title(full="s" in role_name)
        when = join[self.bracket.left, year, self.bracket.right]
        return join2(sep1=self.pre_text_sep, sep2=self.post_text_sep)[
            pre_text, reference[join(sep=" ")[who, when]], post_text
        ]


@dataclass
class InSentence(AuthorYearReferenceStyle):
    """``Kingma and Ba (2015)`` in a sentence, ``(Kingma and Ba, 2015)`` beside one."""

    bracket_textual: BracketStyle = field(default_factory=round_brackets)
    bracket_parenthetical: BracketStyle = field(default_factory=partial(round_brackets, sep="; "))
    person: PersonStyle = field(
        default_factory=partial(PersonStyle, last_sep=" and ", other=" et al.")
    )

    def __post_init__(self):
        super().__post_init__()
        in_text = WholeLink(bracket=self.bracket_textual, person=self.person)
        self.role_style |= dict.fromkeys(in_text.role_names(), in_text)


register_plugin("pybtex.style.sorting", "by_label", ByLabel)
register_plugin("pybtex.style.labels", "name_and_year", NameAndYear)
register_plugin("pybtex.style.formatting", "reference", Reference)
register_reference_style(REFERENCE_STYLES, "in_sentence", InSentence)
