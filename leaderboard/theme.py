"""How the board looks and behaves, as flags of `streamlit run`: quiet colours, light and dark, nothing sent out."""

from __future__ import annotations

_LIGHT = {
    "primaryColor": "#0b6e69",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f3f6f6",
    "textColor": "#172126",
    "linkColor": "#0b6e69",
    "borderColor": "#d9e0e1",
}
_DARK = {
    "primaryColor": "#4fc4bb",
    "backgroundColor": "#101618",
    "secondaryBackgroundColor": "#1a2225",
    "textColor": "#e6eced",
    "linkColor": "#63d3ca",
    "borderColor": "#2c383c",
}

FLAGS: tuple[str, ...] = (
    "--server.headless=true",
    "--server.fileWatcherType=none",
    "--browser.gatherUsageStats=false",
    "--client.toolbarMode=viewer",
    "--client.showErrorDetails=none",
    "--theme.baseRadius=6px",
    *(f"--theme.light.{name}={value}" for name, value in _LIGHT.items()),
    *(f"--theme.dark.{name}={value}" for name, value in _DARK.items()),
)
