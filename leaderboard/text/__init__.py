"""Every string of the board, in one place: one module per page, and in it one instance per language.

Fields with braces are templates for `str.format`. `leaderboard.frame.text` gives the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.text import about, cases, compare, frame, method, ranking, review, submit, testset, vote


@dataclass(frozen=True, slots=True)
class Text:
    """The board's words in one language."""

    code: str
    """As in the address, and for screen readers."""
    name: str
    """In its own words."""
    frame: frame.Words
    ranking: ranking.Words
    method: method.Words
    cases: cases.Words
    compare: compare.Words
    testset: testset.Words
    submit: submit.Words
    review: review.Words
    vote: vote.Words
    about: about.Words


def _text(code: str, name: str) -> Text:
    pages = (frame, ranking, method, cases, compare, testset, submit, review, vote, about)
    return Text(code, name, *(page.WORDS[code] for page in pages))


LANGUAGES = {code: _text(code, name) for code, name in (("en", "English"), ("zh", "中文"))}
EN, ZH = LANGUAGES["en"], LANGUAGES["zh"]
