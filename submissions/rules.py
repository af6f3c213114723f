"""What a submission must keep to: every rule by its stable name, and the problem that a breach of it is.

This table is the one source for the checker, the documentation and the tests.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_PACK = "write the archive with `bench submit pack`"
_NAMES = "name files by letters, digits, '.', '_' and '-', as videos/<case_id>.mp4"
_ENCODE = "encode again: ffmpeg -i IN -map 0:v:0 -c:v libx264 -pix_fmt yuv420p OUT.mp4"

REMEDIES: dict[str, str] = {
    "path-absolute": f"use paths inside the submission; {_PACK}",
    "path-parent": f"remove '..' from the path; {_PACK}",
    "path-characters": _NAMES,
    "path-depth": "put clips directly into videos/ and nothing deeper",
    "path-length": "shorten the name; a clip is named by its case id",
    "path-reserved": "choose a name that is not a device's on any system",
    "path-twice": "keep one file of that name; names that differ in case only are the same on some systems",
    "path-file-as-folder": "use a name either for a file or for a folder",
    "path-link": "put the file itself there instead of a link",
    "path-special": "put a regular file there",
    "size-archive": "encode the clips at a higher crf, or leave out what does not belong",
    "size-file": "encode the clip at a higher crf",
    "size-total": "encode the clips at a higher crf",
    "count-files": "send submission.yaml and one clip per case, nothing else",
    "zip-format": f"only zip archives are read; {_PACK}",
    "zip-damaged": f"the list of files cannot be read: transfer it again in binary mode, or {_PACK}",
    "zip-extra-bytes": f"bytes before, after or between the entries, or a comment: {_PACK}",
    "zip64": f"no submission is large enough to need zip64; {_PACK}",
    "zip-encrypted": f"take the password off; {_PACK}",
    "zip-method": f"use stored or deflate; {_PACK}",
    "zip-header": f"the two descriptions of the file in the archive differ; {_PACK}",
    "zip-overlap": f"two files share the same bytes of the archive; {_PACK}",
    "zip-ratio": f"real clips do not shrink like this; {_PACK} of the clips themselves",
    "zip-checksum": f"the bytes are not those that were packed: transfer it again, or {_PACK}",
    "zip-nested": "take the inner archive out and put its files there instead",
    "manifest-missing": "add submission.yaml at the top; `bench submit new` writes a template",
    "manifest-size": "keep submission.yaml to the fields of the template",
    "manifest-yaml": "write plain YAML in UTF-8: no tags, anchors, aliases, repeated keys or second documents",
    "manifest-field": "mend the field; `bench submit new` writes a template with every field explained",
    "manifest-testset": "name the test set and version that were edited, or check against that one with --testset",
    "manifest-split": "name a split of the test set",
    "manifest-team": "the name belongs to another account: submit from that one, or choose another team or method name",
    "manifest-sha256": "put the clip's own sha256 there, or leave sha256 out",
    "layout-unexpected": "remove it: a submission is submission.yaml and videos/<case_id>.mp4",
    "case-unknown": "remove it, or name it by a case id of the split",
    "case-missing": "add the clip; every case of the split counts, a missing one as 0",
    "clip-container": _ENCODE,
    "clip-unreadable": f"it does not decode from start to end; {_ENCODE}",
    "clip-streams": "keep the one video stream: ffmpeg -i IN -map 0:v:0 -c copy OUT.mp4",
    "clip-codec": _ENCODE,
    "clip-pixel-format": _ENCODE,
    "clip-width-height": "write the edit at the size of the source clip, without scaling or cropping",
    "clip-frames": "write one frame per frame of the source clip, none dropped, repeated or added",
    "clip-fps": "write the edit at the frame rate of the source clip",
    "clip-timing": "give every frame the same duration, starting at 0: ffmpeg -i IN -fps_mode cfr OUT.mp4",
    "clip-hidden": f"frames are stored that a player does not show (an edit list); {_ENCODE}",
    "clip-changes": f"size, pixel format or orientation change on the way; {_ENCODE}",
    "clip-rotated": "store the frames upright; do not rotate by metadata",
    "clip-aspect": "use square pixels: ffmpeg -i IN -vf setsar=1 OUT.mp4",
    "clip-interlaced": "write progressive frames: ffmpeg -i IN -vf yadif OUT.mp4",
    "clip-crash": f"reading it ended the reader; {_ENCODE}",
    "clip-time": f"reading it took too long; {_ENCODE}",
    "clip-memory": f"reading it took too much memory; {_ENCODE}",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One breach of one rule by one file. All texts are safe to show in a terminal."""

    file: str
    """Path inside the submission; for `manifest-field`, the field after a colon."""
    rule: str
    """A key of `REMEDIES`; stable."""
    found: str
    limit: str
    remedy: str


def breach(file: str, rule: str, found: object, limit: object) -> Problem:
    """Return the problem for a rule, with the rule's remedy. KeyError for a rule that is not in the table."""
    return Problem(shown(file) or "(no name)", rule, shown(str(found)) or "nothing", shown(str(limit)), REMEDIES[rule])


def shown(text: str, longest: int = 160) -> str:
    """Return foreign text as it may be shown: control, bidi and unassigned characters as escapes, cut to
    `longest` characters.
    """
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(c if _visible(c) else c.encode("unicode_escape").decode() for c in cut)


def _visible(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def mib(size: int) -> str:
    """Return bytes as text, in MiB where that is readable."""
    return f"{size / 2**20:.1f} MiB" if size >= 2**19 else f"{size} bytes"
