"""Who is reading, and what that person may do.

Three settings. With `[auth]` in Streamlit's secrets people sign in through OIDC (`st.login`), and the moderators are
those that `$BENCH_MODERATORS` names. Without it, a board that listens on this machine alone is one person's, who may
do everything. Without it and open to others, everybody may read and nobody may do more.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

import streamlit as st

from bench.home import Home
from bench.votes.clips import keyed
from leaderboard import pick
from leaderboard.text import Text

MODERATORS = "BENCH_MODERATORS"
"""Environment variable: e-mail addresses (verified by the provider) or subjects, with commas between."""
LOCAL = "local"
Mode = Literal["local", "oidc", "closed"]


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is signed in, or the one person of a local board."""

    account: str
    """Issuer and subject, or `local`: what votes hang on. Never shown, never stored as it is."""
    name: str
    """What a moderator signs decisions with."""
    moderator: bool

    def submitter(self, home: Home) -> str:
        """Return what submissions are owned by: a keyed hash of the account, or `local`."""
        return LOCAL if self.account == LOCAL else f"u-{keyed(home, f'submitter {self.account}')[:16]}"


def mode() -> Mode:
    """Return how people are known on this board."""
    if "is_logged_in" in st.user.to_dict():
        return "oidc"
    return "local" if loopback(st.get_option("server.address")) and _near(st.context.ip_address) else "closed"


def loopback(address: str | None) -> bool:
    """Return whether a server at this address can be reached from this machine alone; without one it listens on all."""
    if address in (None, ""):
        return False
    try:
        return ip_address(str(address)).is_loopback
    except ValueError:
        return address == "localhost"


def _near(address: str | None) -> bool:
    """Streamlit gives no address for this machine's own visitors. A tunnel to the port makes everybody one of them."""
    return address is None or loopback(address)


def person() -> Person | None:
    """Return who is reading; None where that is not known, or the sign-in has expired."""
    how = mode()
    if how == "local":
        return Person(LOCAL, LOCAL, moderator=True)
    return None if how == "closed" else known(st.user.to_dict(), time.time())


def known(claims: dict[str, Any], now: float) -> Person | None:
    """Return the person of an identity token's claims; None for nobody, and past the token's own expiry."""
    # Streamlit keeps its cookie for 30 days whatever the token says.
    if not claims.get("is_logged_in") or now >= float(claims.get("exp") or 0):
        return None
    subject, email = str(claims.get("sub") or ""), str(claims.get("email") or "")
    if not subject:
        return None
    named = {one.strip().casefold() for one in os.environ.get(MODERATORS, "").split(",") if one.strip()}
    # An address that the provider has not verified could be anybody's.
    proven = claims.get("email_verified") is True and email.casefold() in named
    name = email if proven else subject
    return Person(f"{claims.get('iss', '')} {subject}", name, proven or subject.casefold() in named)


def required(text: Text, moderator: bool = False) -> Person:
    """Return who is reading; a page that needs to know says what to do and ends where it does not."""
    words = text.about
    found = person()
    if found is not None and (found.moderator or not moderator):
        return found
    how = mode()
    if how == "closed":
        st.info(words.access_none, icon=":material/lock:")
    elif found is None:
        st.info(words.sign_in_why, icon=":material/lock:")
        st.button(words.sign_in, icon=":material/login:", on_click=st.login)
    else:
        st.info(words.not_moderator, icon=":material/lock:")
        st.button(words.sign_out, icon=":material/logout:", on_click=st.logout)
    pick.stop()
    raise AssertionError("pick.stop ends the page")
