"""The attribute probe as builds and checks of test sets take it. Imports torch: whoever can do without it does."""

from __future__ import annotations

from bench.features import text_image
from bench.features.bank import FeatureBank
from bench.features.probe import read
from bench.types import Video, Vocabulary
from testset.reading import Reader


def attribute_reader(vocabulary: Vocabulary) -> Reader:
    """Return the attribute probe, asking in the words of a vocabulary."""
    text_image.check()
    bank = FeatureBank()
    return Reader(
        lambda frames, attribute, values, region: read(bank, Video(frames), attribute, values, region),
        vocabulary,
        text_image.WEIGHTS,
        text_image.unreliable(),
    )
