"""The board's mark as SVG text, so that no address is asked for it."""

from __future__ import annotations

_COLOUR = "#12857f"  # legible on both themes

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    f'<rect width="32" height="32" rx="7" fill="{_COLOUR}"/>'
    '<path d="M7 9h10v14H7z" fill="#fff" opacity=".45"/><path d="M15 9h10v14H15z" fill="#fff"/>'
    f'<path d="M18 12.5l4.5 3.5-4.5 3.5z" fill="{_COLOUR}"/></svg>'
)
"""Two frames side by side, one of them playing."""

WORDMARK = MARK.replace('viewBox="0 0 32 32"', 'viewBox="0 0 168 32" width="168" height="32"').replace(
    "</svg>",
    '<text x="40" y="21.5" font-family="system-ui, sans-serif" font-size="17" '
    f'font-weight="600" textLength="124" lengthAdjust="spacingAndGlyphs" fill="{_COLOUR}">ShopEdit-Bench</text></svg>',
)
"""The mark with the product's name."""
