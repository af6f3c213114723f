"""What the page as a whole needs and Streamlit has no setting for: its language, and colours that can be read."""

from __future__ import annotations

from leaderboard.components.asset import element


def whole(language: str) -> None:
    """Say in the document which language (en, zh) it is in, and style what is not one of the board's own elements.

    Draws nothing.
    """
    element("whole", isolated=False)(data={"language": language}, key="whole", height=0)
