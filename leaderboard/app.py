"""The board's front door: Streamlit runs this file (`bench board`)."""

import streamlit as st

from leaderboard import pick
from leaderboard.frame import text
from leaderboard.mark import MARK, WORDMARK
from leaderboard.server import keep_loaded

words = text().frame
# Before the navigation: without a mark, the page's icon is asked for at fonts.gstatic.com.
st.set_page_config(page_title=words.product, page_icon=MARK, layout="wide")
st.logo(WORDMARK)


def page(name: str, icon: str, default: bool = False) -> object:
    """Return the page of a name; its address is its name, the first one's is the root."""
    path = None if default else name
    return st.Page(
        f"app_pages/{name}.py", title=words.pages[name], icon=f":material/{icon}:", url_path=path, default=default
    )


pages = {
    "": [
        page("ranking", "leaderboard", default=True),
        page("method", "deployed_code"),
        page("cases", "movie"),
        page("compare", "balance"),
        page("testset", "video_library"),
        page("about", "info"),
    ],
    words.sections["part"]: [
        page("submit", "upload"),
        page("vote", "how_to_vote"),
        page("votes", "thumbs_up_down"),
        page("review", "gavel"),
    ],
}
chosen = st.navigation(pages, position="top")
st.set_page_config(page_title=f"{chosen.title} · {words.product}")
pick.show_address(chosen.run)
keep_loaded()
