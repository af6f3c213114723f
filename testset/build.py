"""Render a split: every clip, mask and annotation of it, checked before it is kept."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from bench.errors import BenchError
from bench.identity import file_digest
from bench.media.encode import write_mask, write_mp4
from bench.types import Asset, EditCase, Frames, Mask, Video
from testset.cases import Plan, candidates, tags
from testset.reading import Reader
from testset.render import Renderer
from testset.scenes import Scene, caption, instruction, prompts
from testset.scenes.vocabulary import PRODUCTS

FPS = Fraction(8)
FRAMES = 17
CRF = 12
MIN_FLOW = 0.5
"""Median motion of the target's product, pixels a frame: a frozen clip must always be wrong."""
MIN_CHANGE = 5.0
"""Mean absolute difference of source and target inside the mask, in 8-bit steps."""
MIN_AREA = 0.008
"""Share of the pixels that the edit must touch."""
MIN_OUTSIDE_DB = 50.0
"""PSNR of source and target outside the mask of a local edit, before encoding."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """Sizes (height, width) and length of the clips."""

    square: tuple[int, int] = (256, 256)
    tall: tuple[int, int] = (352, 192)
    frames: int = FRAMES
    fps: Fraction = FPS


def edit_mask(source: Frames, target: Frames) -> Mask:
    """Return T x H x W, True where the edit changed a pixel (shadow and reflection included), two pixels wider.

    The renderer has no noise: outside the product's influence source and target are equal to the last bit.
    """
    changed = np.abs(source.astype(np.int16) - target.astype(np.int16)).max(-1) > 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    wide = [cv2.dilate(f.astype(np.uint8), kernel) for f in changed]
    return np.stack(wide).astype(bool)


def flow_of(frames: Frames, where: Mask) -> float:
    """Return the median length of optical flow (DIS) on `where`, pixels a frame, over pairs of frames."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    lengths = []
    for t in range(0, len(grey) - 1, 2):
        flow = dis.calc(grey[t], grey[t + 1], None)
        lengths.append(np.hypot(flow[..., 0], flow[..., 1])[where[t]])
    found = np.concatenate(lengths)
    return float(np.median(found)) if found.size else 0.0


def outside_psnr(source: Frames, target: Frames, mask: Mask) -> float:
    """Return the PSNR of source and target over pixels outside the mask, in dB, at most 99."""
    error = (source.astype(np.float64) - target.astype(np.float64))[~mask]
    mse = float((error**2).mean()) if error.size else 0.0
    return 99.0 if mse < 1e-4 else float(10 * np.log10(255.0**2 / mse))


def faults(source: Frames, target: Frames, mask: Mask, product: Mask) -> list[str]:
    """Return why a rendered edit cannot be a case (empty when it can)."""
    found = []
    if mask.mean() < MIN_AREA:
        found.append(f"touches {100 * mask.mean():.2f} % of the pixels, wanted {100 * MIN_AREA} %")
    else:
        change = np.abs(source.astype(np.int16) - target.astype(np.int16))[mask].mean()
        if change < MIN_CHANGE:
            found.append(f"changes its pixels by {change:.1f} steps, wanted {MIN_CHANGE}")
    outside = outside_psnr(source, target, mask)
    if outside < MIN_OUTSIDE_DB:
        found.append(f"differs outside the mask ({outside:.1f} dB, wanted {MIN_OUTSIDE_DB})")
    flow = flow_of(target, product)
    if flow < MIN_FLOW:
        found.append(f"product moves {flow:.2f} px a frame, wanted {MIN_FLOW}")
    return found


class Builder:
    """Renders cases into a folder."""

    def __init__(
        self,
        folder: Path,
        device: str = "cpu",
        rendition: Rendition | None = None,
        reader: Reader | None = None,
    ) -> None:
        self.folder = folder
        self.reader = reader
        self.renderer = Renderer(device)
        self.rendition = rendition or Rendition()
        self.dropped: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def frames(self, scene: Scene, tall: bool) -> tuple[Frames, Mask]:
        """Return a scene's frames and the mask of its product."""
        height, width = self.rendition.tall if tall else self.rendition.square
        out = self.renderer.render_with_ids([scene], self.rendition.frames, height, width)
        return out.rgb[0].cpu().numpy(), out.ids[0].cpu().numpy() == 0

    def group(self, split: str, number: int, edits: int) -> list[EditCase]:
        """Render one source clip and its edits; draws the group anew while any of its edits has a fault.

        Raises BenchError after eight attempts: then the scene generator is at fault.
        """
        last = ""
        for attempt in range(8):
            plans = list(candidates(split, number, edits, attempt))
            source, _ = self.frames(plans[0].source, plans[0].tall)
            rendered = []
            bad = False
            for plan in plans:
                target, product = self.frames(plan.target, plan.tall)
                mask = edit_mask(source, target)
                why = faults(source, target, mask, product)
                if self.reader is not None:
                    why += self.reader.faults(plan, source, target, mask, product)
                bad = bad or bool(why)
                last = f"{plan.id} {'; '.join(why)}" if why else last
                self.dropped[plan.scenario] += bool(why)
                rendered.append((plan, target, mask, product))
            if not bad:
                return [self._write(plan, source, *rest) for plan, *rest in rendered]
        raise BenchError(f"group {split}-{number:02d}: no scene without a fault in eight attempts; last: {last}")

    def _write(self, plan: Plan, source: Frames, target: Frames, mask: Mask, product: Mask) -> EditCase:
        self.kept[plan.scenario] += 1
        here = self.folder / "clips"
        files = {
            "source": here / plan.group / "source.mp4",
            "target": here / plan.group / f"{plan.scenario}.mp4",
            "mask": here / plan.group / f"{plan.scenario}.mask.mp4",
            "product_mask": here / plan.group / f"{plan.scenario}.product.mp4",
        }
        files["source"].parent.mkdir(parents=True, exist_ok=True)
        fps = self.rendition.fps
        if not files["source"].exists():
            write_mp4(Video(source, fps), files["source"], crf=CRF, pix_fmt="yuv444p")
        write_mp4(Video(target, fps), files["target"], crf=CRF, pix_fmt="yuv444p")
        write_mask(mask, files["mask"], fps)
        write_mask(product, files["product_mask"], fps)
        assets = {name: self._asset(path, mask.shape) for name, path in files.items()}
        scene = plan.source
        return EditCase(
            id=plan.id,
            group=plan.group,
            scenario=plan.scenario,
            vertical=PRODUCTS[scene.item.product].vertical,
            tags=tags(plan.target if plan.scenario != "remove" else scene),
            source_prompt=caption(scene),
            target_prompt=caption(plan.target),
            instruction=instruction(scene, plan.target, plan.scenario),
            attributes=plan.changes,
            keep=plan.keep,
            split=plan.group.split("-", 1)[0],
            **assets,
        )

    def _asset(self, path: Path, shape: tuple[int, ...]) -> Asset:
        t, h, w = shape
        return Asset(
            path=path.relative_to(self.folder).as_posix(),
            sha256=file_digest(path),
            width=w,
            height=h,
            frames=t,
            fps=str(self.rendition.fps),
        )


def subsets(cases: Sequence[EditCase]) -> list[EditCase]:
    """Return the cases with `smoke` (one per scenario, each of another clip) and `mini` (30, stratified) marked."""
    by_scenario: dict[str, list[EditCase]] = {}
    for case in cases:
        by_scenario.setdefault(case.scenario, []).append(case)
    smoke: list[str] = []
    groups: set[str] = set()
    for scenario in sorted(by_scenario, key=lambda s: len(by_scenario[s])):
        pick = next((c for c in by_scenario[scenario] if c.group not in groups), by_scenario[scenario][0])
        smoke.append(pick.id)
        groups.add(pick.group)
    mini = list(smoke)
    turn = 0
    while len(mini) < min(30, len(cases)):
        for scenario in sorted(by_scenario):
            left = [c.id for c in by_scenario[scenario] if c.id not in mini]
            if left and len(mini) < 30:
                mini.append(left[(7 * turn) % len(left)])
        turn += 1
    return [
        c.model_copy(update={"subsets": tuple(n for n, ids in (("smoke", smoke), ("mini", mini)) if c.id in ids)})
        for c in cases
    ]


def build(
    folder: Path,
    groups: int,
    edits: int,
    device: str = "cpu",
    done: Callable[[str], None] = lambda _: None,
    reader: Reader | None = None,
) -> dict[str, object]:
    """Render the `dev` split into `folder` (replaced as a whole at the end) and return what was kept and dropped."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    builder = Builder(part, device, reader=reader)
    cases: list[EditCase] = []
    for number in range(groups):
        cases += builder.group("dev", number, edits)
        done(cases[-1].group)
    cases = subsets(cases)
    info = {
        "name": "shopedit-300",
        "version": "1.0.dev1",
        "title": "ShopEdit-300, lite rendition, development split",
        "description": "Rendered product clips with exact edit targets and masks: 256x256, 17 frames, 8 fps.",
        "vocabulary": prompts(),
        "generator": {
            "kept": dict(sorted(builder.kept.items())),
            "dropped": dict(sorted(builder.dropped.items())),
            "groups": groups,
            "edits": edits,
            "crf": CRF,
            "probe": reader.report() if reader else None,
        },
    }
    (part / "testset.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = [c.model_dump_json(exclude_defaults=True) for c in cases]
    (part / "cases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    part.replace(folder)
    return info["generator"]  # type: ignore[return-value]
