"""The closed vocabularies: every attribute value of the benchmark, in English and Chinese, and what it looks like.

Colours are linear RGB. A test holds that captions, edits and annotations use these words only.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of product: its shop vertical, its names, the materials a shop would sell it in."""

    zh: str
    vertical: str
    materials: tuple[str, ...]
    symmetric: bool = False
    """True where turning it about its axis shows nothing new."""
    label: bool = False
    """True where a label fits on its front."""


@dataclass(frozen=True, slots=True)
class Material:
    """How a body's main surface answers light; `second` tints the pattern (a multiple of the colour, plus an offset)."""

    zh: str
    rough: float
    spec: float = 1.0
    metal: float = 0.0
    pattern: str = "plain"
    scale: float = 1.0
    strength: float = 0.0
    shade: float = 1.0
    offset: float = 0.0
    bump: float = 0.0
    transmission: float = 0.0
    soft: float = 0.0
    sheen: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A floor, a backdrop and a light."""

    zh: str
    floor: str
    floor_a: Rgb
    floor_b: Rgb
    backdrop: str
    low: Rgb
    high: Rgb
    extra: Rgb = (1.0, 1.0, 1.0)
    ambient: float = 0.6
    key: Rgb = (1.9, 1.85, 1.78)
    rim: Rgb = (0.7, 0.75, 0.85)
    fade: tuple[float, float] = (2.2, 5.2)
    gloss: float = 0.0
    scale: float = 1.0
    softness: float = 0.12
    exposure: float = 0.72
    wall: float = 0.0
    """Distance of four flat walls; 0: the backdrop is a round horizon."""


@dataclass(frozen=True, slots=True)
class Word:
    """A value that needs names only."""

    zh: str
    en: str = ""


PRODUCTS = MappingProxyType(
    {
        "handbag": Product("手提包", "apparel", ("leather", "fabric", "plastic"), label=True),
        "backpack": Product("双肩包", "apparel", ("fabric", "leather", "plastic"), label=True),
        "cap": Product("棒球帽", "apparel", ("fabric", "leather", "plastic"), label=True),
        "sneaker": Product("运动鞋", "apparel", ("fabric", "leather", "plastic")),
        "chair": Product("椅子", "home", ("wood", "plastic", "metal", "leather")),
        "armchair": Product("扶手椅", "home", ("fabric", "leather", "plastic")),
        "table lamp": Product("台灯", "home", ("fabric", "plastic", "metal", "ceramic")),
        "vase": Product("花瓶", "home", ("ceramic", "glass", "marble", "metal", "wood"), symmetric=True, label=True),
        "mug": Product("马克杯", "home", ("ceramic", "metal", "plastic", "wood", "marble"), label=True),
        "kettle": Product("水壶", "electronics", ("metal", "ceramic", "plastic", "glass"), label=True),
        "headphones": Product("耳机", "electronics", ("plastic", "leather", "metal", "wood")),
        "speaker": Product("音箱", "electronics", ("wood", "plastic", "fabric", "metal")),
        "perfume bottle": Product("香水瓶", "beauty", ("glass", "ceramic", "metal", "marble"), label=True),
        "lipstick": Product("口红", "beauty", ("plastic", "metal", "ceramic")),
        "cream jar": Product("面霜罐", "beauty", ("glass", "ceramic", "plastic", "marble"), symmetric=True, label=True),
        "ring": Product("戒指", "jewellery", ("metal", "wood", "ceramic", "marble")),
        "wristwatch": Product("手表", "jewellery", ("leather", "metal", "fabric", "plastic")),
        "juice bottle": Product("果汁瓶", "food", ("glass", "plastic", "metal", "ceramic"), symmetric=True, label=True),
        "donut": Product("甜甜圈", "food", ("plastic", "ceramic", "fabric")),
        "cupcake": Product("纸杯蛋糕", "food", ("plastic", "ceramic", "fabric"), symmetric=True),
        "toy car": Product("玩具车", "toys", ("plastic", "wood", "metal"), label=True),
        "teddy bear": Product("泰迪熊", "toys", ("fabric", "plastic", "leather")),
        "toy robot": Product("玩具机器人", "toys", ("metal", "plastic", "wood")),
    }
)

COLORS = MappingProxyType(
    {
        "red": ("红色", (0.55, 0.02, 0.025)),
        "orange": ("橙色", (0.80, 0.20, 0.015)),
        "yellow": ("黄色", (0.80, 0.52, 0.03)),
        "green": ("绿色", (0.03, 0.24, 0.06)),
        "teal": ("青色", (0.01, 0.27, 0.29)),
        "blue": ("蓝色", (0.02, 0.07, 0.48)),
        "purple": ("紫色", (0.17, 0.03, 0.34)),
        "pink": ("粉色", (0.80, 0.22, 0.34)),
        "white": ("白色", (0.78, 0.78, 0.75)),
        "black": ("黑色", (0.02, 0.02, 0.022)),
    }
)

MATERIALS = MappingProxyType(
    {
        "plastic": Material("塑料", rough=0.45, soft=0.14),
        "ceramic": Material("陶瓷", rough=0.05, spec=1.6, pattern="glaze", strength=0.9),
        "metal": Material("金属", rough=0.12, metal=1.0, pattern="sheet", bump=0.02),
        "wood": Material("木头", rough=0.5, spec=0.7, pattern="wood", scale=1.6, strength=0.95),
        "leather": Material("皮革", rough=0.33, spec=1.5, pattern="leather", strength=0.9, shade=0.25, bump=0.38),
        "marble": Material("大理石", rough=0.22, spec=1.0, pattern="marble", scale=2.6, strength=0.9),
        "glass": Material("玻璃", rough=0.03, spec=1.6, transmission=0.86),
        "fabric": Material(
            "布料", rough=0.95, spec=0.05, pattern="fabric", strength=0.9, shade=0.3, offset=0.012, bump=0.12, sheen=0.9
        ),
    }
)

ACCENTS = MappingProxyType(
    {
        "gold": ((0.83, 0.52, 0.16), 0.2, 1.0),
        "silver": ((0.72, 0.73, 0.75), 0.18, 1.0),
        "black": ((0.02, 0.02, 0.022), 0.4, 0.0),
        "cream": ((0.75, 0.66, 0.5), 0.5, 0.0),
    }
)

# fmt: off
SETTINGS = MappingProxyType(
    {
        "in a white studio": Setting(
            "在白色摄影棚里", "plain", (0.82, 0.82, 0.82), (0.82, 0.82, 0.82), "seamless", (1.15, 1.15, 1.16), (1.3, 1.3, 1.32),
            ambient=0.64, gloss=0.1, fade=(0.9, 4.6), exposure=0.92,
        ),
        "in a dark studio": Setting(
            "在黑色摄影棚里", "plain", (0.045, 0.045, 0.05), (0.045, 0.045, 0.05), "seamless", (0.05, 0.05, 0.06),
            (0.012, 0.012, 0.018), ambient=0.32, key=(2.6, 2.5, 2.4), rim=(1.5, 1.7, 2.1), gloss=0.45, fade=(1.4, 4.2),
            exposure=0.85,
        ),
        "against a pink wall": Setting(
            "在粉色墙前", "plain", (0.74, 0.27, 0.33), (0.74, 0.27, 0.33), "seamless", (0.78, 0.3, 0.36), (0.62, 0.18, 0.25),
            ambient=0.6, fade=(0.8, 4.6),
        ),
        "against a blue wall": Setting(
            "在蓝色墙前", "plain", (0.2, 0.36, 0.62), (0.2, 0.36, 0.62), "seamless", (0.22, 0.4, 0.7), (0.1, 0.22, 0.48),
            ambient=0.6, fade=(0.8, 4.6),
        ),
        "on a wooden table by a window": Setting(
            "在窗边的木桌上", "planks", (0.34, 0.17, 0.075), (0.16, 0.07, 0.028), "window", (0.5, 0.43, 0.35),
            (0.62, 0.56, 0.48), extra=(1.5, 1.6, 1.5), ambient=0.55, key=(2.1, 1.95, 1.7), gloss=0.12, wall=3.6,
        ),
        "on a marble kitchen counter": Setting(
            "在大理石厨房台面上", "marble", (0.74, 0.73, 0.71), (0.3, 0.3, 0.33), "tiles", (0.62, 0.68, 0.66),
            (0.7, 0.76, 0.74), extra=(0.36, 0.38, 0.37), ambient=0.6, gloss=0.28, wall=3.2,
        ),
        "on grass under a blue sky": Setting(
            "在蓝天下的草地上", "grain", (0.13, 0.3, 0.05), (0.05, 0.15, 0.02), "meadow", (0.62, 0.78, 0.95), (0.16, 0.38, 0.8),
            extra=(0.12, 0.27, 0.06), ambient=0.62, key=(2.3, 2.2, 1.95), fade=(3.6, 6.0), scale=1.6, softness=0.07,
        ),
        "on a beach at sunset": Setting(
            "在日落的海滩上", "grain", (0.62, 0.42, 0.24), (0.42, 0.27, 0.15), "beach", (0.95, 0.45, 0.2), (0.3, 0.22, 0.42),
            extra=(1.6, 0.9, 0.4), ambient=0.45, key=(2.3, 1.5, 0.85), rim=(1.2, 0.7, 0.5), fade=(3.6, 6.0), scale=1.3,
            softness=0.09,
        ),
        "in a concrete loft": Setting(
            "在混凝土阁楼里", "concrete", (0.36, 0.35, 0.34), (0.24, 0.235, 0.23), "brick", (0.34, 0.13, 0.08),
            (0.4, 0.17, 0.11), extra=(0.4, 0.37, 0.34), ambient=0.5, gloss=0.1, wall=3.4,
        ),
        "in a cosy cafe at night": Setting(
            "在夜晚温馨的咖啡馆里", "planks", (0.2, 0.085, 0.035), (0.09, 0.035, 0.015), "bokeh", (0.07, 0.035, 0.025),
            (0.035, 0.022, 0.03), extra=(1.5, 0.85, 0.35), ambient=0.42, key=(2.2, 1.65, 1.1), rim=(1.1, 0.7, 0.4),
            gloss=0.22, exposure=0.9, wall=3.8,
        ),
    }
)

STYLES = MappingProxyType(
    {
        "watercolour": Word("水彩画"),
        "pencil sketch": Word("铅笔素描"),
        "cel-shaded cartoon": Word("赛璐璐卡通"),
        "pop art": Word("波普艺术"),
        "vintage film": Word("复古胶片"),
        "moonlit night": Word("月夜"),
    }
)

PROPS = MappingProxyType(
    {
        "a small potted plant": Word("一盆小绿植"),
        "a candle": Word("一支蜡烛"),
        "a stack of books": Word("一摞书"),
        "a lemon": Word("一个柠檬"),
        "a gift box": Word("一个礼盒"),
        "a seashell": Word("一枚贝壳"),
    }
)

MOTIONS = MappingProxyType(
    {
        "the camera orbits left": Word("镜头向左环绕"),
        "the camera orbits right": Word("镜头向右环绕"),
        "the camera pushes in": Word("镜头推近"),
        "the camera pulls back": Word("镜头拉远"),
        "the camera rises": Word("镜头升起"),
        "the camera pans across": Word("镜头横移"),
        "a hand-held camera follows": Word("手持镜头跟拍"),
        "the product turns on a turntable": Word("产品在转台上旋转"),
    }
)

ALIKE = frozenset(
    frozenset(pair)
    for pair in (
        ("red", "orange"),
        ("orange", "yellow"),
        ("red", "pink"),
        ("green", "teal"),
        ("blue", "teal"),
        ("blue", "purple"),
        ("plastic", "ceramic"),
        ("plastic", "leather"),
        ("chair", "armchair"),
        ("vase", "juice bottle"),
        ("mug", "cream jar"),
        ("donut", "ring"),
        ("on a wooden table by a window", "in a cosy cafe at night"),
    )
)
"""Values of one attribute that a viewer takes for each other at 256 pixels: no edit leads from one to the other."""

CAMOUFLAGE = frozenset(
    {
        ("black", "in a dark studio"),
        ("black", "in a cosy cafe at night"),
        ("pink", "against a pink wall"),
        ("blue", "against a blue wall"),
        ("green", "on grass under a blue sky"),
        ("orange", "on a beach at sunset"),
    }
)
"""Colours of products and settings that they vanish in."""

CAMOUFLAGE_OF_GLASS = frozenset(
    {
        ("white", "in a white studio"),
        ("white", "on a marble kitchen counter"),
        ("purple", "in a dark studio"),
        ("blue", "in a dark studio"),
        ("teal", "in a dark studio"),
        ("green", "in a dark studio"),
    }
)
"""The same for products of glass."""

DIM = frozenset({"in a dark studio", "in a cosy cafe at night"})
"""Settings that are dark by day already."""

SCENARIO_ATTRIBUTE = MappingProxyType(
    {
        "product": "product",
        "background": "setting",
        "color": "color",
        "material": "material",
        "style": "style",
        "add": "prop",
        "remove": "prop",
    }
)
"""The attribute that each scenario changes."""
