"""What is rendered: products, settings, cameras, attributes, and the words for them."""

from testset.scenes.caption import caption, instruction
from testset.scenes.prompts import Shown, prompts, shown
from testset.scenes.scene import (
    Item,
    Scene,
    choices,
    edited,
    sample_edit,
    sample_scene,
    sample_training_scene,
)

__all__ = [
    "Item",
    "Scene",
    "Shown",
    "caption",
    "choices",
    "edited",
    "instruction",
    "prompts",
    "sample_edit",
    "sample_scene",
    "sample_training_scene",
    "shown",
]
