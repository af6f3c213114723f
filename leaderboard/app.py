"""The board's front door: Streamlit runs this file (`bench board`)."""

import streamlit as st

from leaderboard.frame import text
from leaderboard.mark import MARK, WORDMARK

words = text()
st.set_page_config(page_title=words.product, page_icon=MARK, layout="wide")
st.logo(WORDMARK)
page = st.navigation(
    [
        st.Page("app_pages/ranking.py", title=words.ranking, icon=":material/leaderboard:", default=True),
        st.Page("app_pages/cases.py", title=words.cases, icon=":material/movie:", url_path="cases"),
    ],
    position="top",
)
page.run()
