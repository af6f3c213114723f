"""The board's own elements. Text reaches them as JSON and the page as text nodes: nothing in it can become markup."""
