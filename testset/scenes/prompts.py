"""What a picture of a scene can be asked: the closed vocabularies as short prompts, and which answers a scene gives."""

from __future__ import annotations

from dataclasses import dataclass

from testset.scenes.caption import article
from testset.scenes.scene import Item, Scene
from testset.scenes.vocabulary import COLORS, MATERIALS, PRODUCTS, PROPS, SETTINGS, STYLES

NONE = "none"
"""The value of `style` and `prop` where a scene has neither."""

Prompts = dict[str, dict[str, tuple[str, ...]]]
"""Attribute to value to its phrasings, English first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The attribute values that a viewer could name, by where they look."""

    frame: dict[str, str]
    """In the whole picture."""
    anywhere: dict[str, str]
    """In any part of it."""
    bodies: tuple[dict[str, str], ...]
    """Close up, body by body in the renderer's order: the product, the second product, the prop."""


def prompts() -> Prompts:
    """Return the phrasings of every value of the attributes that a picture can be asked for."""
    return {
        "product": {k: _product(k, v.zh) for k, v in PRODUCTS.items()},
        "color": {
            k: (f"a {k} product", f"{k} in colour", f"{zh}的产品", f"颜色是{zh}") for k, (zh, _) in COLORS.items()
        },
        "material": {
            k: (f"made of {k}", f"a {k} product", f"{v.zh}材质", f"{v.zh}做的产品") for k, v in MATERIALS.items()
        },
        "setting": {k: (k, f"a product {k}", v.zh, f"产品{v.zh}") for k, v in SETTINGS.items()},
        "style": {NONE: ("a plain photo", "in no special style", "普通照片", "没有特殊风格")}
        | {k: (k, f"in {k} style", f"{v.zh}", f"{v.zh}风格") for k, v in STYLES.items()},
        "prop": {NONE: ("nothing beside the product", "without a prop", "旁边没有东西", "没有道具")}
        | {k: (f"with {k}", f"{k} beside it", f"旁边有{v.zh}", f"和{v.zh}") for k, v in PROPS.items()},
    }


def shown(scene: Scene) -> Shown:
    """Return what can be seen of a scene.

    Colour, material and setting are only asked of scenes without a style: a pencil sketch has no colours, pop art
    draws its own background. Of two products neither is "the product" of the whole frame.
    """
    plain = scene.style is None
    style, prop = {"style": scene.style or NONE}, {"prop": scene.prop or NONE}
    setting = {"setting": scene.setting} if plain else {}
    bodies = [_item(scene.item, plain)]
    if scene.second is not None:
        bodies.append(_item(scene.second, plain))
    product = bodies[0] if scene.second is None else {}
    if scene.prop is not None:
        bodies.append(prop)
    return Shown(frame=product | setting | style | prop, anywhere=style, bodies=tuple(bodies))


def _product(name: str, zh: str) -> tuple[str, ...]:
    thing = f"a pair of {name}" if name == "headphones" else article(name)
    return (f"a photo of {thing}", thing, f"一张{zh}的照片", f"一个{zh}")


def _item(item: Item, plain: bool) -> dict[str, str]:
    found = {"product": item.product}
    return found | {"color": item.color, "material": item.material} if plain else found
