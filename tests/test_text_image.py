"""The text-image model: trained at a tiny size on a CPU, exported, and read back by open_clip itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import torch

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.clock import Clock
from methods.training.command import CONFIGS, app
from methods.training.config import TextImageConfig, read_config
from methods.training.models import BUDGET_MIB, mebibytes
from methods.training.session import Session
from methods.training.text_image_export import export
from methods.training.text_image_loss import attribute_loss, spoil
from methods.training.text_image_model import build_text_image
from methods.training.text_image_stage import TextImageStage
from methods.training.views import UNASKED, SceneLabels, label_scenes, views
from tests.moving_boxes import Box, MovingBoxes
from testset.scenes import prompts, sample_training_scene, shown
from testset.scenes.vocabulary import COLORS, MATERIALS, PRODUCTS, PROPS, SETTINGS, STYLES

TINY = read_config(CONFIGS / "text-image-tiny.yaml", TextImageConfig)
FULL = read_config(CONFIGS / "text-image.yaml", TextImageConfig)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stage(out: Path, steps: int, **more) -> TextImageStage:
    clock = Clock(steps=steps, until=more.pop("until", 1.0))
    return TextImageStage(Session(TINY, MovingBoxes(), out=out, clock=clock, device="cpu", **more))


def events(folder: Path, name: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("text-image")
    stage(out, 80).run()
    return out


def test_the_stage_lowers_its_loss_and_learns_to_name_the_colours(run: Path) -> None:
    losses = [e["loss"] for e in events(run, "train")]
    assert losses[-1] < 0.5 * losses[0]
    figures = checkpoint.read_snapshot(run, "text-image").figures
    assert figures["attributes"]["colour"]["asked"] == TINY.held_out
    assert figures["attributes"]["colour"]["accuracy"] >= 0.75
    assert set(figures["edits"]) and figures["step"] == 80
    assert events(run, "failed") == []


def test_going_on_restores_the_stage_exactly(tmp_path: Path) -> None:
    half = stage(tmp_path / "half", 4, until=0.5)
    half.run()
    again = stage(tmp_path / "rest", 4, resume=tmp_path / "half")
    before, after = half.learner.state(), again.learner.state()
    assert again.learner.step == 4
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def test_a_new_run_starts_from_the_weights_of_another(run: Path, tmp_path: Path) -> None:
    begun = stage(tmp_path, 1, init=run)
    saved = checkpoint.read_model(run)
    assert all(torch.equal(w, saved[n].float()) for n, w in begun.learner.weights(average=False).items())


def test_the_export_loads_with_open_clip_and_gives_the_trained_embeddings(run: Path, tmp_path: Path) -> None:
    import open_clip
    from PIL import Image

    folder = export(run, tmp_path / "shopclip")
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    trained = stage(tmp_path / "again", 1, init=run)
    ours = trained.learner.average
    texts = ["a red box that moves", "一个蓝色的盒子在移动"]
    assert torch.equal(tokenizer(texts), trained._tokens(texts))
    clip = MovingBoxes().render([Box("red", 90, 4, 1)], 1, 32, 32)[0, 0]
    picture = transform(Image.fromarray(clip.numpy()))[None]
    assert picture.shape == (1, 3, 32, 32) and float(picture.min()) >= -1 and float(picture.max()) <= 1
    with torch.no_grad():
        assert torch.allclose(model.encode_image(picture), ours.encode_image(picture), atol=1e-5)
        assert torch.allclose(model.encode_text(tokenizer(texts)), ours.encode_text(tokenizer(texts)), atol=1e-5)
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(sums) == sum(f.is_file() for f in folder.rglob("*")) - 1
    assert "knows only this domain" in (folder / "README.md").read_text()


def test_an_export_comes_back_as_a_run_that_another_starts_from(run: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    folder = export(run, tmp_path / "shopclip")
    done = CliRunner().invoke(app, ["unpack", "--model", str(folder), "--out", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    back = tmp_path / "runs" / "text-image"
    assert checkpoint.read_snapshot(back, "text-image") == checkpoint.read_snapshot(run, "text-image")
    begun = stage(tmp_path / "more", 1, init=back)
    saved = checkpoint.read_model(run)
    assert all(torch.equal(w, saved[n].float()) for n, w in begun.learner.weights(average=False).items())


def test_export_refuses_a_model_that_is_too_large_to_ship(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUDGET_MIB, "shopclip", 0.01)
    with pytest.raises(UserError, match=r"shopclip takes \d\.\d\d MiB in bfloat16"):
        export(run, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_shipped_shape_keeps_its_budget_with_text_tower_and_embeddings() -> None:
    assert mebibytes(build_text_image(FULL.shape, FULL.shape.vocabulary)) <= BUDGET_MIB["shopclip"]


def test_the_config_that_trains_on_fits_the_first_one_and_draws_other_scenes() -> None:
    more = read_config(CONFIGS / "text-image-more.yaml", TextImageConfig)
    assert more.shape.model_copy(update={"image_size": FULL.shape.image_size}) == FULL.shape and more.seed != FULL.seed
    first, larger = (build_text_image(shape, 50).state_dict() for shape in (FULL.shape, more.shape))
    assert {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in larger.items()}


def test_a_tower_with_running_statistics_is_refused() -> None:
    shape = TINY.shape.model_copy(update={"tower": "test_efficientnet"})
    with pytest.raises(ValueError, match="running statistics"):
        build_text_image(shape, 50)


def test_many_images_may_share_a_prompt_and_an_image_may_be_unasked() -> None:
    prompts = torch.eye(4)
    image = prompts[[0, 0, 1, 3]]
    labels = torch.tensor([[0, UNASKED], [0, UNASKED], [1, UNASKED], [UNASKED, 1]])
    right = attribute_loss(image, prompts, labels, [2, 2], torch.tensor(20.0))
    wrong = attribute_loss(image, prompts, torch.where(labels >= 0, 1 - labels, labels), [2, 2], torch.tensor(20.0))
    assert right < 1e-6 and wrong > 10
    none = attribute_loss(image, prompts, torch.full_like(labels, UNASKED), [2, 2], torch.tensor(20.0))
    assert none == 0


def test_spoiling_keeps_the_mean_colour_of_a_view() -> None:
    pixels = torch.full((8, 16, 16, 3), 100, dtype=torch.uint8)
    pixels[..., 2] = 30
    planes = spoil(pixels, FULL.softness, torch.Generator().manual_seed(0))
    assert planes.shape == (8, 3, 16, 16)
    assert torch.allclose(planes.mean((2, 3)), torch.tensor([100, 100, 30]) / 255, atol=0.005)


def labels_of(count: int) -> SceneLabels:
    ask = torch.zeros(count, 1, dtype=torch.int64)
    return SceneLabels(frame=ask, anywhere=torch.full_like(ask, UNASKED), bodies=torch.stack([ask + 1, ask + 2], 1))


def test_a_close_up_shows_its_body_in_the_middle_and_is_asked_for_it() -> None:
    clips = torch.zeros(1, 1, 64, 96, 3, dtype=torch.uint8)
    ids = torch.full((1, 1, 64, 96), -1, dtype=torch.int8)
    clips[0, 0, 20:40, 60:80] = 200
    ids[0, 0, 20:40, 60:80] = 0
    ids[0, 0, 50:60, 5:15] = 1
    pixels, asked = views(clips, ids, labels_of(1), 40)
    assert pixels.shape == (1, 2, 40, 40, 3) and asked[0].tolist() == [[0], [1]]
    close = pixels[0, 1, ..., 0].float()
    assert close[5:35, 5:35].mean() > 195 and close[:2].mean() < 10 and close[:, -2:].mean() < 10
    random = torch.Generator().manual_seed(0)
    varied = [views(clips, ids, labels_of(1), 40, random) for _ in range(8)]
    assert {int(asked[0, 2, 0]) for _, asked in varied} == {1, 2}
    assert not all(torch.equal(varied[0][0][:, 1], pixels[:, 1]) for pixels, _ in varied)


def test_what_is_not_to_be_seen_is_not_asked_for() -> None:
    clips = torch.zeros(1, 1, 64, 64, 3, dtype=torch.uint8)
    ids = torch.full((1, 1, 64, 64), -1, dtype=torch.int8)
    ids[0, 0, :20, :20] = 0
    _, asked = views(clips, ids, labels_of(1), 16)
    assert asked[0, 0].tolist() == [UNASKED]  # the second body is missing, so the frame cannot be asked
    ids[0, 0, 40:60, 40:60] = 1
    _, asked = views(clips, ids, labels_of(1), 16)
    assert asked[0, 0].tolist() == [0]


def test_every_value_of_the_vocabularies_has_phrasings_in_both_languages_and_scenes_give_known_answers() -> None:
    known = prompts()
    sizes = {name: len(values) for name, values in known.items()}
    assert sizes == {
        "product": len(PRODUCTS),
        "color": len(COLORS),
        "material": len(MATERIALS),
        "setting": len(SETTINGS),
        "style": len(STYLES) + 1,
        "prop": len(PROPS) + 1,
    }
    phrasings = [texts for values in known.values() for texts in values.values()]
    assert {len(texts) for texts in phrasings} == {4}
    assert all(texts[0].isascii() and not texts[-1].isascii() for texts in phrasings)
    rng = Random(3)
    found = [shown(sample_training_scene(rng)) for _ in range(200)]
    label_scenes(found, known)  # raises KeyError on a value that has no prompt
    assert any(len(s.bodies) == 3 for s in found) and any("color" not in s.bodies[0] for s in found)
    assert all("product" not in s.frame for s in found if sum("product" in b for b in s.bodies) == 2)
