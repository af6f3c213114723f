"""Scenes in words: prompts and instructions, English and Chinese, from the closed vocabularies only."""

from __future__ import annotations

import random
from typing import Literal

from bench.types import Instruction, Scenario
from testset.scenes.scene import Item, Scene
from testset.scenes.vocabulary import COLORS, MATERIALS, MOTIONS, PRODUCTS, PROPS, SETTINGS, STYLES

Language = Literal["en", "zh"]


def _noun(item: Item) -> str:
    pair = "pair of " if item.product == "headphones" else ""
    return f"{pair}{item.color} {item.material} {item.product}"


def _noun_zh(item: Item) -> str:
    return f"{COLORS[item.color][0]}的{MATERIALS[item.material].zh}{PRODUCTS[item.product].zh}"


def article(words: str) -> str:
    """Return the words with `a` or `an` before them."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def caption(scene: Scene, rng: random.Random | None = None, lang: Language = "en") -> str:
    """Return a prompt that states every attribute of the scene.

    Without `rng` it is the canonical wording of the test set; with one, a random paraphrase (training).
    """
    form = 0 if rng is None else rng.randrange(4)
    return _caption_zh(scene, form) if lang == "zh" else _caption_en(scene, form)


def _caption_en(scene: Scene, form: int) -> str:
    what = article(_noun(scene.item))
    if scene.item.label is not None:
        what += f" with a {scene.item.label} label"
    if scene.second is not None:
        what += f" next to {article(_noun(scene.second))}"
    if scene.prop is not None:
        what += f" with {scene.prop} beside it"
    style = "" if scene.style is None else f" in {scene.style} style"
    if form == 0:
        return f"{what} {scene.setting}{style}, {scene.motion}"
    if form == 1:
        return f"product video of {what}, {scene.setting}, {scene.motion}{style}"
    if form == 2:
        return f"{scene.setting}, {what}, {scene.motion}{style}"
    return f"{scene.motion}: {what} {scene.setting}{style}"


def _caption_zh(scene: Scene, form: int) -> str:
    what = f"一个{_noun_zh(scene.item)}"
    if scene.item.label is not None:
        what = f"一个贴着{scene.item.label}标签的{_noun_zh(scene.item)}"
    if scene.second is not None:
        what += f"和一个{_noun_zh(scene.second)}"
    if scene.prop is not None:
        what += f"，旁边有{PROPS[scene.prop].zh}"
    setting, motion = SETTINGS[scene.setting].zh, MOTIONS[scene.motion]
    style = "" if scene.style is None else f"，{STYLES[scene.style].zh}风格"
    if form == 0:
        return f"{what}，{setting}{style}，{motion.zh}"
    if form == 1:
        return f"产品视频：{setting}，{what}，{motion.zh}{style}"
    if form == 2:
        return f"{setting}，{what}{style}，{motion.zh}"
    return f"{motion.zh}，{what}，{setting}{style}"


def instruction(source: Scene, target: Scene, scenario: Scenario) -> Instruction:
    """Return the edit in the imperative."""
    a, b = source.item, target.item
    thing, thing_zh = a.product, PRODUCTS[a.product].zh
    if scenario == "product":
        new = article(_noun(b))
        return Instruction(en=f"Replace the {thing} with {new}.", zh=f"把{thing_zh}换成一个{_noun_zh(b)}。")
    if scenario == "color":
        return Instruction(
            en=f"Change the colour of the {thing} from {a.color} to {b.color}.",
            zh=f"把{thing_zh}的颜色从{COLORS[a.color][0]}改成{COLORS[b.color][0]}。",
        )
    if scenario == "material":
        return Instruction(
            en=f"Make the {thing} of {b.material} instead of {a.material}.",
            zh=f"把{thing_zh}的材质从{MATERIALS[a.material].zh}改成{MATERIALS[b.material].zh}。",
        )
    if scenario == "background":
        return Instruction(
            en=f"Change the background: show the {thing} {target.setting}.",
            zh=f"更换背景：让{thing_zh}出现{SETTINGS[target.setting].zh}。",
        )
    if scenario == "style":
        assert target.style is not None
        return Instruction(
            en=f"Turn the video into {target.style} style.", zh=f"把视频变成{STYLES[target.style].zh}风格。"
        )
    if scenario == "add":
        assert target.prop is not None
        return Instruction(
            en=f"Add {target.prop} beside the {thing}.", zh=f"在{thing_zh}旁边加上{PROPS[target.prop].zh}。"
        )
    assert source.prop is not None
    return Instruction(
        en=f"Remove the {source.prop.split(' ', 1)[1]} beside the {thing}.",
        zh=f"去掉{thing_zh}旁边的{PROPS[source.prop].zh}。",
    )
