"""One HTML page for one or more recordings: timelines, texts and words in a file that loads nothing."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, cast

from ..errors import PlotError, count_noun
from ..tables import FINALS, WORDS, check
from .plots.time_axis import format_time
from .scene.systems import sort_tags

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIRST_WORDS = 20
DPI = 160
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #5b6670; --line: #dde2e6; --page: #fff;
  --card: #f4f6f7; --lane0: #0072b2; --lane1: #b84f00; --lane2: #007a59; --lane3: #a8487f; --lane4: #8f6200;
  --lane5: #1f77a8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e4e8eb; --soft: #9aa5ae; --line: #363d44; --page: #15181b; --card: #1f2428;
    --lane0: #56b4e9; --lane1: #f2924a; --lane2: #3ccfa4; --lane3: #e3a3c6; --lane4: #e69f00;
    --lane5: #8fcdf2; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 60rem; overflow-wrap: anywhere;
  background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .3rem; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 0 0 .75rem; font-size: 1.3rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; }
a { color: var(--lane0); }
.soft, caption, th, .at { color: var(--soft); }
nav ol { columns: 18rem; column-gap: 2.5rem; padding-left: 1.5rem; }
section { margin-top: 2rem; padding-top: 2rem; border-top: 1px solid var(--line); }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.5rem; margin: 0 0 1.25rem; padding: .8rem 1.1rem;
  background: var(--card); border-radius: .6rem; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; font-weight: 600; }
figure { margin: 0; padding: .6rem; overflow-x: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .6rem; }
img { display: block; width: 100%; min-width: 42rem; height: auto; }
.texts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem;
  align-items: baseline; }
.at, .number { text-align: right; font-variant-numeric: tabular-nums; }
.at { font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; padding-bottom: .4rem; }
th { font-weight: 600; text-align: left; }
th, td { padding: .25rem 1.6rem .25rem 0; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
@media (max-width: 30rem) {
  body { padding: 1.5rem .9rem 3rem; }
  th, td { padding-right: .9rem; }
}
@media print {
  :root { color-scheme: light; font-size: 10pt; }
  body { max-width: none; padding: 0; }
  img { min-width: 0; }
  figure, tr, dl, .texts > * { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
}
"""


@dataclass(frozen=True)
class Section:
    """One recording on the page.

    Attributes:
        title: name of the recording.
        facts: its properties, such as `{"duration": "1:02:03", "channels": "2"}`, in reading order.
        figure: its timeline.
        finals, words: its frames.
    """

    title: str
    facts: dict[str, str]
    figure: Figure | Axes
    finals: pd.DataFrame
    words: pd.DataFrame


def render_report(sections: Iterable[Section], *, title: str) -> str:
    """A page with the timeline, the text and the first words of each recording.

    The page needs no other file, runs no script, and holds no sound. Refined text replaces the text that
    it refines. The figures stay open.

    Args:
        sections: one per recording.
        title: of the page.

    Raises:
        PlotError: if there are no sections.
        SchemaError: if a frame lacks a column, or the column has another dtype.
    """
    sections = list(sections)
    if not sections:
        raise PlotError("nothing to report: there are no sections; give at least one Section")
    count = count_noun(len(sections), "recording")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f'<header>\n<h1 dir="auto">{escape(title)}</h1>',
            f'<p class="soft">Recognized text and word times of {count}.</p>',
            f"{_render_contents(sections)}</header>\n<main>",
            *(_render_section(number, section) for number, section in enumerate(sections, start=1)),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _render_contents(sections: Sequence[Section]) -> str:
    if len(sections) == 1:
        return ""
    entries = (
        f'<li><a href="#r{number}" dir="auto">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, start=1)
    )
    return f'<nav aria-label="Recordings"><ol>{"".join(entries)}</ol></nav>\n'


def _render_section(number: int, section: Section) -> str:
    facts = "".join(
        f'<div><dt>{escape(name)}</dt><dd dir="auto">{escape(value)}</dd></div>'
        for name, value in section.facts.items()
    )
    uri = _to_data_uri(section.figure)
    return "\n".join(
        [
            f'<section id="r{number}">\n<h2 dir="auto">{escape(section.title)}</h2>',
            f"<dl>{facts}</dl>" if facts else "",
            f'<figure><img alt="Timeline of {escape(section.title)}" src="{uri}"></figure>',
            _render_texts(check(section.finals, FINALS, "finals")),
            _render_words(check(section.words, WORDS, "words")),
            "</section>",
        ]
    )


def _to_data_uri(drawn: Figure | Axes) -> str:
    """The figure as PNG in a data URI."""
    figure = cast("Figure", drawn.get_figure(root=True))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.05)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _render_texts(finals: pd.DataFrame) -> str:
    """The text of each channel, one line per utterance, by time."""
    best = finals[finals["alternative"] == 0]
    if best.empty:
        return "<h3>Text</h3>\n<p>No speech was recognized.</p>"
    best = best.assign(start=best["speech_start"].fillna(best["start"])).sort_values(["start", "final_index"])
    refined = best["refined_text"].fillna("")
    best = best.assign(shown=refined.where(refined != "", best["text"].fillna("")))
    longest, parts = float(best["end"].max()), []
    for number, tag in enumerate(sort_tags(set(best["channel_tag"]))):
        rows = best.loc[best["channel_tag"] == tag, ["start", "shown"]].to_numpy(object)
        lines = (
            f'<span class="at">{_format_start(start, longest)}</span><span dir="auto">{escape(text)}</span>'
            for start, text in rows
        )
        parts.append(f'<h3 style="color: var(--lane{number % 6})">Channel {escape(tag)}</h3>')
        parts.append(f'<div class="texts">{"".join(lines)}</div>')
    return "\n".join(parts)


def _render_words(words: pd.DataFrame) -> str:
    words = words[words["alternative"] == 0]
    if words.empty:
        return "<h3>Words</h3>\n<p>There are no words.</p>"
    columns = ["channel_tag", "final_index", "word", "start", "end"]
    rows = "".join(
        f'<tr><td>{escape(tag)}</td><td class="number">{final}</td><td dir="auto">{escape(word)}</td>'
        f'<td class="number">{_format_seconds(start)}</td><td class="number">{_format_seconds(end)}</td></tr>'
        for tag, final, word, start, end in words[columns].head(FIRST_WORDS).to_numpy(object)
    )
    shown = (
        f"The first {FIRST_WORDS} of {len(words):,}" if len(words) > FIRST_WORDS else f"All {len(words):,}"
    )
    return (
        f'<h3>Words</h3>\n<div class="scroll"><table><caption>{shown}; times in seconds</caption>'
        '<thead><tr><th scope="col">channel</th><th scope="col" class="number">utterance</th>'
        '<th scope="col">word</th><th scope="col" class="number">start</th>'
        f'<th scope="col" class="number">end</th></tr></thead>\n<tbody>{rows}</tbody></table></div>'
    )


def _format_start(seconds: float, longest: float) -> str:
    """Start of a text; empty if it is not known."""
    if math.isnan(seconds):
        return ""
    return format_time(seconds, longest, 1) + " s" if longest <= 60 else format_time(seconds, longest)


def _format_seconds(seconds: float) -> str:
    return "" if math.isnan(seconds) else f"{seconds:.3f}"
