"""Protocol full-1: official networks by hash and nothing else; random weights where only the code is on trial."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from bench import protocol, weights
from bench.cli import app
from bench.errors import UserError
from bench.features.bank import FeatureBank
from bench.home import open_home
from bench.metrics import Metric, Sample, damage, registered
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.types import Asset, EditCase, Instruction, Video
from bench.weights import MissingWeights
from tests import metric_contract

FULL = protocol.load("full-1")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder."""
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def shelve(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], None]:
    """Puts a random state where official weights would lie, and its hash where theirs stands."""

    def put(name: str, state: object) -> None:
        import torch

        shelf.mkdir(exist_ok=True)
        path = shelf / weights.CATALOGUE[name].file
        if isinstance(state, torch.jit.ScriptModule):
            state.save(str(path))
        else:
            torch.save(state, path)
        monkeypatch.setitem(weights.CATALOGUE, name, replace(weights.CATALOGUE[name], sha256=sha(path)))

    return put


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sample(size: int = 64, frames: int = 5) -> Sample:
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (size + 40, size + 40, 3)).astype(np.uint8), (0, 0), 2)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    source = Video(np.stack([wide[t : t + size, 2 * t : 2 * t + size] for t in range(frames)]))
    mask = np.zeros(source.shape, bool)
    mask[:, 12:44, 12:40] = True
    target = Video(np.where(mask[..., None], 255 - source.frames, source.frames))
    asset = Asset(path="-", sha256="-", width=size, height=size, frames=frames)
    case = EditCase(
        id="case",
        group="clip",
        scenario="color",
        vertical="home",
        source=asset,
        source_prompt="a red bag on a table",
        target_prompt="a blue bag on a table",
        instruction=Instruction(en="", zh=""),
        split="dev",
    )
    other = Video(np.ascontiguousarray(source.frames[:, ::-1, ::-1]))
    return Sample(case, source, target, target, mask, other=other, features=FeatureBank())


def metric(name: str) -> Metric:
    found = registered()[name]
    assert isinstance(found, Metric)
    return found


IN_A_WHEEL = {"label-text"}
"""What both protocols read with the same network, which is installed with the package."""


def test_every_official_metric_without_its_weights_says_what_to_run_and_the_score_stays_empty() -> None:
    scores = FULL.score_edit(sample())
    for one in FULL.metrics:
        if one.card.backbone and one.card.name not in IN_A_WHEEL:
            reason = scores[one.card.name].unscored or ""
            name = next(n for n in weights.CATALOGUE if f"bench weights fetch {n}" in reason)
            assert reason == f"needs weights {name} ({weights.CATALOGUE[name].file}): run bench weights fetch {name}"
    assert scores["psnr"].value == 60 and scores["motion-lk"].value == 1
    for name in ("score", "accuracy"):
        assert (scores[name].unscored or "").startswith("needs weights ")


def test_the_two_protocols_share_no_name_that_stands_on_a_network() -> None:
    lite = {m.card.name for m in (*protocol.load("lite-1").metrics, *protocol.load("lite-1").sets) if m.card.backbone}
    full = {m.card.name for m in (*FULL.metrics, *FULL.sets) if m.card.backbone}
    assert lite and full and lite & full == IN_A_WHEEL


# LPIPS


def alexnet_state(seed: int) -> dict[str, object]:
    import torch
    from torchvision.models import alexnet

    torch.manual_seed(seed)
    return dict(alexnet(weights=None).state_dict())


def test_lpips_equals_the_lpips_package_with_the_same_state(shelve: Callable) -> None:
    import lpips
    import torch

    state = alexnet_state(0)
    shelve("alexnet", state)
    reference = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    reference.net.load_state_dict({k: state[f"features.{k.partition('.')[2]}"] for k in reference.net.state_dict()})
    one = sample()
    edit = damage.noise(one.source)

    def pixels(video: Video) -> torch.Tensor:
        return torch.from_numpy(video.frames[::2].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1

    with torch.inference_mode():
        wanted = reference(pixels(edit), pixels(one.target)).flatten().tolist()
    found = metric("lpips-alex").score(one.with_edit(edit))
    assert found.series == pytest.approx(wanted, rel=1e-5)
    assert found.value == pytest.approx(np.mean(wanted), rel=1e-5)


@pytest.mark.parametrize("name", ["lpips-alex", "lpips-alex-outside"])
def test_lpips_keeps_its_card(shelve: Callable, name: str) -> None:
    shelve("alexnet", alexnet_state(1))
    metric_contract.check(metric(name), sample(64, 3))


# DINO


def small_dino(monkeypatch: pytest.MonkeyPatch, shelve: Callable) -> None:
    """Two blocks instead of twelve: the code does not know."""
    import timm
    import torch

    make = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, **o: make(name, **o, depth=2))
    torch.manual_seed(2)
    shelve("dino-vitb8", make("vit_base_patch8_224.dino", pretrained=False, num_classes=0, depth=2).state_dict())


def test_dino_metrics_keep_their_cards(shelve: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.features import dino

    small_dino(monkeypatch, shelve)
    monkeypatch.setattr(dino, "SHORT_SIDE", 48)  # 36 tokens instead of 784
    one = sample(48, 9)
    for name in ("dino-structure-vitb8", "dino-structure-vitb8-target", "dino-frames-vitb8", "margin-dino-vitb8"):
        metric_contract.check(metric(name), one)


def test_the_structure_distance_is_the_mean_square_of_cosine_differences_with_the_class_token(
    shelve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    import timm
    import torch

    from bench.features import dino

    small_dino(monkeypatch, shelve)
    one = sample(32, 1)
    assert dino.size_of(960, 960) == (224, 224) and dino.size_of(1280, 704) == (408, 224)
    network = timm.create_model("vit_base_patch8_224.dino", pretrained=False, num_classes=0, dynamic_img_size=True)
    network.load_state_dict(torch.load(weights.find("dino-vitb8"), weights_only=True))
    network.eval()
    keys = []
    for video in (one.source, one.target):
        x = torch.from_numpy(video.frames).permute(0, 3, 1, 2).float() / 255
        x = torch.nn.functional.interpolate(x, (224, 224), mode="bicubic", antialias=True).clamp(0, 1)
        x = (x - torch.tensor(dino.MEAN).view(1, 3, 1, 1)) / torch.tensor(dino.STD).view(1, 3, 1, 1)
        with torch.inference_mode():
            tokens = network._pos_embed(network.patch_embed(x))
            for block in network.blocks[:-1]:
                tokens = block(tokens)
            last = network.blocks[-1]
            k = last.attn.qkv(last.norm1(tokens)).reshape(1, 785, 3, 12, 64)[0, :, 1].reshape(785, 768)
        k = torch.nn.functional.normalize(k, dim=-1)
        keys.append(k @ k.T)
    wanted = 1000 * float(((keys[0] - keys[1]) ** 2).mean())
    assert metric("dino-structure-vitb8").score(one).value == pytest.approx(wanted, rel=1e-3)


# CLIP


@pytest.fixture
def clip(shelve: Callable, monkeypatch: pytest.MonkeyPatch) -> object:
    """A random CLIP ViT-B/32, narrow and of one layer a tower, in OpenAI's names and precision."""
    import torch
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    torch.manual_seed(3)
    seeing = CLIPVisionCfg(image_size=224, layers=1, width=64, head_width=64, patch_size=32)
    model = CLIP(512, seeing, CLIPTextCfg(layers=1, width=64, heads=1), quick_gelu=True)
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    shelve("clip-vit-b32", {k: v for k, v in model.state_dict().items() if k != "attn_mask"})
    return model.eval()


def test_clip_preprocessing_and_embeddings_equal_open_clips(clip: object) -> None:
    import open_clip
    import torch
    from PIL import Image

    from bench.features import clip_b32

    _, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32-quickgelu", pretrained=None)
    frame = sample(96, 1).source.frames[0][:, :70].copy()
    picture = Image.fromarray(frame)
    assert torch.equal(clip_b32.transform()(picture), preprocess(picture))
    with torch.inference_mode():
        wanted = clip.encode_image(preprocess(picture)[None], normalize=True)[0].numpy()
        words = clip.encode_text(open_clip.get_tokenizer("ViT-B-32")(["a red bag"]), normalize=True)[0].numpy()
    assert clip_b32.images([frame])[0] == pytest.approx(wanted, abs=1e-5)
    assert clip_b32.text(FeatureBank(), "a red bag") == pytest.approx(words, abs=1e-5)


def test_clip_metrics_follow_their_formulas_and_cards(clip: object) -> None:
    from bench.features import clip_b32

    one = sample(48, 5)
    before, after = (clip_b32.text(one.features, p) for p in (one.case.source_prompt, one.case.target_prompt))
    edit, source = (one.features.get(v, clip_b32.EXTRACTOR)["embeddings"] for v in (one.edit, one.source))
    wanted = 100 * np.mean([e @ after - s @ after for e, s in zip(edit, source, strict=True)])
    assert metric("clip-text-b32").score(one).value == pytest.approx(wanted, abs=1e-3)
    assert metric("clip-text-b32").score(one.with_edit(one.source)).value == 0
    assert metric("clip-direction-b32").score(one.with_edit(one.source)).value == 0
    change = (edit - source) @ (after - before)
    lengths = np.linalg.norm(edit - source, axis=-1) * np.linalg.norm(after - before)
    assert metric("clip-direction-b32").score(one).value == pytest.approx(float(np.mean(change / lengths)), abs=1e-4)
    names = [m.card.name for m in FULL.metrics if m.card.name.startswith("clip-")]
    assert len(names) == 7
    for name in names:
        metric_contract.check(metric(name), one)


def test_a_prompt_that_clip_cannot_read_whole_is_refused(clip: object) -> None:
    from bench.features import clip_b32

    with pytest.raises(UserError, match=r"prompt has 102 tokens, CLIP reads 77; shorten it"):
        clip_b32.text(FeatureBank(), "bag " * 100)


def test_a_region_is_boxed_with_some_of_its_surroundings() -> None:
    from bench.features.clip_b32 import box

    mask = np.zeros((100, 100), bool)
    assert box(mask) is None
    mask[20:60, 50:70] = True
    rows, columns = box(mask)  # type: ignore[misc]
    assert (rows, columns) == (slice(16, 64), slice(46, 74))


# RAFT, Inception, I3D


def test_raft_runs_on_any_size_and_gives_flow_of_that_size(shelve: Callable) -> None:
    import torch
    from torchvision.models.optical_flow import raft_large

    from bench.features.raft import EXTRACTOR

    torch.manual_seed(4)
    state = raft_large(weights=None).state_dict()
    shelve("raft-large", state)
    one = sample(60, 2)  # no multiple of 8, and smaller than RAFT takes
    found = EXTRACTOR.extract(one.target)
    assert found["forward"].shape == (1, 60, 60, 2) and found["seen"].shape == (1, 60, 60)
    assert np.ptp(found["forward"].astype(float)) > 0


def test_the_warp_error_by_raft_keeps_its_card_under_a_flow_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from bench.features import raft

    def still(now: torch.Tensor, then: torch.Tensor) -> list[torch.Tensor]:
        """The right flow between equal frames; looks at what it is given as RAFT would."""
        assert now.shape == then.shape == (1, 3, 128, 128) and -1 <= now.min() < now.max() <= 1
        return [torch.zeros(1, 2, 128, 128)]

    monkeypatch.setattr(raft, "_network", lambda *_: still)
    monkeypatch.setattr(weights, "find", lambda name: name)
    one = sample(64, 4)
    still_target = Video(np.repeat(one.target.frames[:1], 4, 0))
    excess = metric("warp-excess-raft")
    assert excess.score(replace(one, target=still_target, edit=still_target)).value == 0
    for harm in (damage.noise, damage.flicker, damage.jitter):
        assert (excess.score(replace(one, target=still_target, edit=harm(still_target))).value or 0) > 0.1


def test_inception_features_equal_pytorch_fids_with_the_same_state(
    shelve: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from pytorch_fid import inception

    from bench.features.inception import InceptionFrames

    with monkeypatch.context() as m:
        m.setattr(inception, "load_state_dict_from_url", lambda *_, **__: {})
        m.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
        torch.manual_seed(5)
        state = inception.fid_inception_v3().state_dict()
    shelve("inception-fid", state)
    with monkeypatch.context() as m:
        m.setattr(inception, "load_state_dict_from_url", lambda *_, **__: state)
        reference = inception.InceptionV3([3]).eval()
    one = sample(64, 5)
    with torch.inference_mode():
        pixels = torch.from_numpy(one.source.frames[::4].copy()).permute(0, 3, 1, 2).float() / 255
        wanted = reference(pixels)[0][:, :, 0, 0].numpy()
    found = InceptionFrames().rows(one.source, FeatureBank())
    assert found.shape == (2, 2048)
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_i3d_is_run_as_its_file_asks_and_only_on_clips_long_enough(shelve: Callable) -> None:
    import torch
    from torch import Tensor, nn

    class Stand(nn.Module):
        """Takes what the published file takes: 0 to 255, B x 3 x T x H x W, and does its own scaling."""

        def forward(
            self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
        ) -> Tensor:
            assert rescale and resize and return_features
            return torch.cat([x.mean(dim=[2, 3, 4]), x.amax(dim=[2, 3, 4])], 1)

    shelve("i3d", torch.jit.script(Stand()))
    look = next(m for m in FULL.sets if m.card.name == "fvd-i3d")
    clip = sample(32, 10).source
    rows = look.features(clip, FeatureBank())
    wanted = [*clip.frames.mean((0, 1, 2)), *clip.frames.max((0, 1, 2))]
    assert rows.shape == (1, 6) and rows[0] == pytest.approx(wanted, rel=1e-4)
    with pytest.raises(UserError, match="needs 10 frames for I3D, the clip has 9"):
        look.features(Video(clip.frames[:9]), FeatureBank())


# Weights by hash


def bench(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.output


def published(monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
    monkeypatch.setitem(weights.CATALOGUE, name, replace(weights.CATALOGUE[name], **changes))


def test_a_file_is_taken_by_its_hash_and_another_one_is_not(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = tmp_path / "download", tmp_path / "cut short"
    right.write_bytes(b"weights" * 100)
    wrong.write_bytes(b"weights" * 99)
    published(monkeypatch, "raft-large", sha256=sha(right))
    code, said = bench("weights", "add", wrong, "--name", "raft-large")
    assert code == 2 and f"sha256 {sha(wrong)[:12]}, wanted {sha(right)[:12]} for raft-large" in said.replace("\n", " ")
    assert bench("weights", "add", wrong)[0] == 2
    assert not weights.present("raft-large") and not list(shelf.glob("*"))
    assert bench("weights", "add", right)[0] == 0
    assert weights.find("raft-large").read_bytes() == right.read_bytes()


def test_a_file_that_was_altered_is_no_longer_used(shelve: Callable) -> None:
    shelve("alexnet", alexnet_state(0))
    path = weights.find("alexnet")
    with path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(MissingWeights, match=r"needs weights alexnet: .* has sha256 .*: run bench"):
        weights.find("alexnet")
    states = {r["name"]: r["state"] for r in json.loads(bench("weights", "status", "--json")[1])}
    assert (states["alexnet"], states["i3d"]) == ("wrong hash", "missing")


def test_a_file_without_a_published_hash_is_pinned_when_first_added(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    assert bench("weights", "add", first, "--name", "dino-vitb8")[0] == 0
    assert weights.wanted(weights.CATALOGUE["dino-vitb8"]) == sha(first)
    assert bench("weights", "add", second, "--name", "dino-vitb8")[0] == 2
    assert weights.find("dino-vitb8").read_bytes() == b"one"


@pytest.fixture
def publisher() -> Iterator[str]:
    """A server that publishes one file, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/weights.pt" else 404)
            self.end_headers()
            self.wfile.write(b"official" if self.path == "/weights.pt" else b"no such file")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_weights_are_fetched_from_their_publisher_and_checked(publisher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, "i3d", url=f"{publisher}/weights.pt", sha256=hashlib.sha256(b"official").hexdigest())
    assert bench("weights", "fetch", "i3d")[0] == 0
    assert weights.find("i3d").read_bytes() == b"official"
    published(monkeypatch, "raft-large", url=f"{publisher}/weights.pt")
    assert "wanted ff5fadd56d26" in bench("weights", "fetch", "raft-large")[1]
    published(monkeypatch, "alexnet", url=f"{publisher}/gone.pt")
    code, said = bench("weights", "fetch", "alexnet")
    assert code == 2 and "Not Found" in said and "bench weights add FILE --name alexnet" in said.replace("\n", " ")


def test_scores_missing_for_want_of_weights_are_made_once_the_weights_are_there_and_then_kept(
    toy: Path, toyset: Path, shelf: Path, shelve: Callable
) -> None:
    def drive() -> int:
        spec = RunSpec(("copy",), "smoke", str(toyset), "toy", ("lpips-alex",), controls=False)
        return run(prepare(spec, open_home())).done

    def stored() -> set[str]:
        reader = open_reader(open_home(), None)
        found = (r.scores["lpips-alex"] for r in reader.results(reader.boards()[0]))
        return {one.unscored or "scored" for one in found}

    assert drive() == 7
    assert stored() == {"needs weights alexnet (alexnet-owt-7be5be79.pth): run bench weights fetch alexnet"}
    assert drive() == 0
    shelve("alexnet", alexnet_state(0))
    assert drive() == 7
    assert stored() == {"scored"}
    assert drive() == 0
    weights.find("alexnet").unlink()
    assert drive() == 0
    assert stored() == {"scored"}
    assert (toy.parent / "edits.log").read_text().count("copy") == 7
