"""Few-step rows: how an edit starts, what a student is checked for, and what a wrong one says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench import registry
from bench.errors import UserError
from bench.types import EditMethod, EditRequest, MethodCard, Video
from methods import zoo
from methods.dmd import FewStep, consistency
from methods.inversion import TI2VInversion
from methods.rows import read_row
from methods.ti2v_v2 import TI2VV2
from methods.wan.folder import digest as model_digest
from methods.wan.lora import linear_layers, read_lora
from methods.wan.student import KNOWN, digest, find, read
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)
SOURCE = Video(rng.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8))
REQUEST = EditRequest(
    case_id="case",
    source=SOURCE,
    source_prompt="a red mug turns on the table",
    target_prompt="a blue mug turns on the table",
    instruction="make the mug blue",
    seed=0,
    first_frame=rng.integers(0, 256, (32, 64, 3), dtype=np.uint8),
)
SIGMAS = [1.0, 0.8, 0.5]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return build(tmp_path_factory.mktemp("model"))


@pytest.fixture
def make(model):
    def make(cls=FewStep, **parameters):
        card = MethodCard(name="row", family="f", track="first-frame", parameters={"model": str(model), **parameters})
        method = cls(card)
        method.load("cpu")
        assert isinstance(method, EditMethod)
        return method

    return make


def lora(folder: Path, spelling: str = "peft", scale: float = 0.5, rank: int = 2) -> Path:
    """A LoRA of two layers of the tiny model, in one of the published spellings."""
    random = torch.Generator().manual_seed(0)
    down, up = torch.randn(rank, 24, generator=random), scale * torch.randn(24, rank, generator=random)
    names = {
        "peft": ("transformer.blocks.{}.attn1.to_q.lora_A.weight", "transformer.blocks.{}.attn1.to_q.lora_B.weight"),
        "kohya": ("diffusion_model.blocks.{}.self_attn.q.lora_down.weight",) * 2,
    }
    a, b = names[spelling]
    b = b.replace("lora_down", "lora_up")
    tensors = {name.format(i): t.clone() for i in (0, 1) for name, t in ((a, down), (b, up))}
    if spelling == "kohya":
        for i in (0, 1):
            tensors[f"diffusion_model.blocks.{i}.self_attn.q.alpha"] = torch.tensor(float(rank))
    path = folder / f"{spelling}.safetensors"
    save_file(tensors, path)
    return path


def exported(folder: Path, model: Path, **changes) -> Path:
    """A student as `bench train export-student` writes it."""
    folder.mkdir(exist_ok=True)
    lora(folder).rename(folder / "pytorch_lora_weights.safetensors")
    card = {"kind": "lora", "sampler": "ode", "sigmas": SIGMAS, "base": model_digest(model), "model": "tiny", **changes}
    (folder / "student.json").write_text(json.dumps(card))
    return folder


def published(folder: Path, model: Path, pipeline: str = "WanDMDPipeline") -> Path:
    """A whole model folder of other weights, as FastWan publishes them."""
    build(folder, seed=5)
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": pipeline}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def latents(method, request=REQUEST):
    with torch.inference_mode():
        return method.latents(method.wan, request)


def test_the_shipped_rows_are_the_teacher_at_the_students_steps():
    for steps in (4, 8):
        card = zoo()[f"teacher-{steps}"].card
        assert card.parameters["student"] is None and card.parameters["generation_steps"] == steps
        assert card.parameters["guidance"] == 1 and card.family == "few-step"


def test_without_a_student_the_row_is_inversion_at_as_few_steps(make):
    few = make(generation_steps=4)
    same = make(TI2VInversion, inversion_steps=4, generation_steps=4, guidance=1.0, shift=None)
    grid = few.sigmas(few.wan)
    assert grid[0] == 1 and len(grid) == 5
    # The other row starts at UniPC's top, 0.0005 lower.
    assert torch.allclose(latents(few), latents(same), atol=0.02)
    assert few.edit(REQUEST).nfe == 8


def test_nfe_follows_the_start(make, model, tmp_path):
    student = str(exported(tmp_path / "s", model))
    for parameters, nfe in (
        ({"start": "inversion"}, 3 + 3),
        ({"start": "teacher-inversion", "inversion_steps": 5}, 5 + 3),
        ({"start": "flowedit"}, 2 * 3),
        ({"start": "flowedit", "guidance_source": 1.5}, 3 * 3),
        ({"start": "renoise"}, 3),
        ({"start": "renoise", "strength": 0.9}, 2),
        ({"start": "inversion", "strength": 0.5}, 1 + 1),
    ):
        assert make(student=student, **parameters).edit(REQUEST).nfe == nfe, parameters


def test_every_start_keeps_the_first_frame_and_the_starts_differ(make, model, tmp_path):
    student = str(exported(tmp_path / "s", model))
    made = {}
    for start in ("inversion", "teacher-inversion", "flowedit", "renoise"):
        method = make(student=student, start=start)
        made[start] = latents(method)
        assert torch.equal(made[start][:, :, :1], method.wan.encode(REQUEST.first_frame[None])), start
        assert torch.equal(latents(method), made[start]), "the seed decides"
    assert len({float(z.sum()) for z in made.values()}) == 4
    assert not torch.equal(latents(make(student=student, start="renoise"), replace(REQUEST, seed=1)), made["renoise"])


def test_the_parts_of_ti2v_v2_run_on_a_student_at_its_sigmas(make, model, tmp_path):
    student = str(exported(tmp_path / "s", model))
    off = {"region": "none", "injection_layers": [], "sharing_layers": [], "guidance": 1.0}
    alone = make(TI2VV2, student=student, **off)
    assert alone.grid(alone.wan) == [*SIGMAS, 0] and alone.inversion_grid(alone.wan) == [0, *SIGMAS[::-1]]
    assert torch.equal(latents(alone), latents(make(student=student)))
    sharing = make(TI2VV2, student=student, **off | {"sharing_layers": [1]})
    assert not torch.equal(latents(sharing), latents(alone)) and sharing.edit(REQUEST).nfe == 6
    assert make(TI2VV2, student=student, strength=0.9, **off).edit(REQUEST).nfe == 4
    fast = str(published(tmp_path / "fastwan", model))
    with pytest.raises(UserError, match="trained for the sde sampler, which has no way up; wanted an ode student"):
        make(TI2VV2, student=fast, **off)
    with pytest.raises(UserError, match="no student 'nowhere'"):
        TI2VV2.variant(alone.card, {"student": "nowhere"})


def test_the_teacher_walks_up_with_its_own_weights_and_the_student_stays_in_place(make, model, tmp_path):
    method = make(student=str(exported(tmp_path / "s", model)), start="teacher-inversion")
    student = method.wan.transformer
    before = latents(method)
    assert method.wan.transformer is student is not method._teacher
    with torch.no_grad():
        method._teacher.proj_out.weight.mul_(0.5)
    assert not torch.equal(latents(method), before)


def test_a_student_changes_the_edit_and_an_empty_one_does_not(make, model, tmp_path):
    plain = latents(make(sigmas=SIGMAS, sampler="ode"))
    student = exported(tmp_path / "s", model)
    assert not torch.allclose(latents(make(student=str(student))), plain, atol=1e-3)
    path = student / "pytorch_lora_weights.safetensors"
    save_file({k: torch.zeros_like(v) for k, v in load_file(path).items()}, path)
    assert torch.equal(latents(make(student=str(student))), plain)


def test_the_spellings_of_a_lora_mean_the_same(make, tmp_path):
    known = {"sampler": "ode", "sigmas": SIGMAS}
    one, other = (latents(make(student=str(lora(tmp_path, spelling)), **known)) for spelling in ("peft", "kohya"))
    assert torch.equal(one, other)
    layers = read_lora(lora(tmp_path, "kohya"))
    assert sorted(layers) == ["blocks.0.attn1.to_q", "blocks.1.attn1.to_q"]
    assert layers["blocks.0.attn1.to_q"].scale == 1.0


def test_a_published_folder_is_known_by_its_pipeline_and_renoises(make, model, tmp_path):
    folder = published(tmp_path / "fastwan", model)
    student = read(folder)
    assert (student.kind, student.sampler, student.sigmas) == ("full", *KNOWN["WanDMDPipeline"])
    assert student.sigmas == (1.0, 0.757, 0.522)
    method = make(student=str(folder), start="renoise")
    assert method.edit(REQUEST).nfe == 3
    theirs = load_file(next((folder / "transformer").glob("*.safetensors")))
    layer = linear_layers(method.wan.transformer)["condition_embedder.time_proj"]
    assert torch.equal(layer.weight, theirs["condition_embedder.time_proj.weight"].to(layer.weight))
    with pytest.raises(UserError, match="trained for the sde sampler, which draws fresh noise"):
        make(student=str(folder), start="inversion")


def test_the_consistency_sampler_ends_at_its_last_prediction():
    noise = iter([torch.full((1,), 7.0)])
    end = consistency(torch.tensor([2.0]), [1.0, 0.5, 0.0], lambda x, s: x - 1.0, lambda: next(noise))
    # 2 - 1 * 1 = 1; then 0.5 * 1 + 0.5 * 7 = 4; then 4 - 0.5 * 3 = 2.5
    assert end.tolist() == [2.5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sigmas": [0.5, 0.8]}, "sigmas: Value error, sigmas must descend"),
        ({"sigmas": [1.2, 0.8]}, r"sigmas\.0: Input should be less than or equal to 1"),
        ({"sigmas": []}, "sigmas: Tuple should have at least 1 item"),
        ({"sampler": "unipc"}, "sampler: Input should be 'ode' or 'sde'"),
        ({"steps": 3}, "steps: Extra inputs"),
        ({"base": "0" * 64}, "was distilled from tiny .*name the model it was distilled from"),
    ],
)
def test_a_wrong_card_is_named_in_one_line(make, model, tmp_path, changes, message):
    student = exported(tmp_path / "s", model, **changes)
    with pytest.raises(UserError, match=message) as error:
        make(student=str(student))
    assert "\n" not in str(error.value)


def test_a_student_of_another_architecture_is_refused(make, model, tmp_path):
    known = {"sampler": "ode", "sigmas": SIGMAS}
    path = lora(tmp_path)
    tensors = load_file(path)
    save_file({k.replace("blocks.1", "blocks.7"): v for k, v in tensors.items()}, path)
    with pytest.raises(UserError, match=r"another architecture: it changes 'blocks\.7\.attn1\.to_q' .* no such layer"):
        make(student=str(path), **known)
    save_file({k: torch.cat([v, v], dim=-1) if "lora_A" in k else v for k, v in tensors.items()}, path)
    with pytest.raises(UserError, match=r"\(24, 48\), the model has \(24, 24\)"):
        make(student=str(path), **known)
    save_file(tensors | {"blocks.0.diff": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"'blocks\.0\.diff' is no factor of a LoRA"):
        make(student=str(path), **known)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        make(student=str(path), **known)
    folder = published(tmp_path / "gated", model)
    config = json.loads((folder / "transformer" / "config.json").read_text())
    (folder / "transformer" / "config.json").write_text(json.dumps(config | {"num_layers": 3}))
    with pytest.raises(UserError, match="another architecture: num_layers is 3, the model has 2"):
        make(student=str(folder), start="renoise")
    (folder / "transformer" / "config.json").write_text(json.dumps(config))
    shard = next((folder / "transformer").glob("*.safetensors"))
    save_file(load_file(shard) | {"blocks.0.attn1.to_gate_compress.weight": torch.zeros(2)}, shard)
    with pytest.raises(UserError, match=r"only the student has the weight .*to_gate_compress"):
        make(student=str(folder), start="renoise")


def test_sampler_and_sigmas_are_asked_for_where_a_student_does_not_say_and_must_agree_where_it_does(
    make, model, tmp_path
):
    path = str(lora(tmp_path))
    with pytest.raises(UserError, match=r"does not say how it is sampled: set `sampler` \(ode or sde\) and `sigmas`"):
        make(student=path)
    student = str(exported(tmp_path / "s", model))
    with pytest.raises(UserError, match="was trained for the ode sampler, the row says sde"):
        make(student=student, sampler="sde", start="renoise")
    with pytest.raises(UserError, match=r"was trained at sigmas \[1\.0, 0\.8, 0\.5\], the row says \[1\.0, 0\.5\]"):
        make(student=student, sigmas=[1.0, 0.5])
    with pytest.raises(UserError, match=r"no student 'nowhere': wanted a shipped name, a folder"):
        make(student="nowhere")
    with pytest.raises(UserError, match="is no student: wanted"):
        make(student=str(tmp_path))


def test_rows_that_make_no_sense_are_refused_when_they_are_made(make, model, tmp_path):
    with pytest.raises(UserError, match=r"sigmas \[0\.5, 0\.9\] do not descend"):
        make(sigmas=[0.5, 0.9])
    with pytest.raises(UserError, match="teacher-inversion needs a student"):
        make(start="teacher-inversion")
    with pytest.raises(UserError, match=r"strength 0\.2 is below the last sigma"):
        make(sigmas=SIGMAS, strength=0.2).edit(REQUEST)
    with pytest.raises(UserError, match="start = 'guess' is not allowed; wanted one of inversion"):
        make(start="guess")


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        ("dmd4", {"strength": 0.1}, "'dmd4': strength 0.1 is below the last sigma, .* wanted one from 0.4 to 1"),
        ("teacher-4", {"strength": 0.39}, "wanted one from 0.4 to 1"),
        ("teacher-4", {"strength": 0.1, "shift": 1.0}, "wanted one from 0.25 to 1"),
        ("teacher-4", {"strength": 0.1, "sigmas": [0.9, 0.6]}, "wanted one from 0.6 to 1"),
        ("ti2v-v2", {"student": "dmd4", "strength": 0.1}, "'ti2v-v2': strength 0.1 .* wanted one from 0.4 to 1"),
        (
            "ti2v-v2",
            {"student": "dmd4", "presets": {"add": {"strength": 0.1}}},
            "'ti2v-v2, preset add': strength 0.1 .* wanted one from 0.4 to 1",
        ),
        (
            "ti2v-v2",
            {"student": "dmd4", "generation_solver": "unipc"},
            "unipc is undefined at sigma 1, .*wanted another generation_solver, or a strength below 1",
        ),
    ],
)
def test_what_no_step_of_a_student_can_do_is_refused_when_the_row_is_varied(row, changes, message):
    with pytest.raises(UserError, match=message) as error:
        registry.variant(zoo()[row], changes)
    assert "\n" not in str(error.value)


def test_what_no_step_of_a_student_can_do_is_refused_when_the_row_is_read(model, tmp_path):
    student = exported(tmp_path / "s", model)
    row = tmp_path / "row.yaml"
    head = "name: row\nclass: %s\nfamily: f\ntrack: first-frame\nparameters: {model: %s, student: %s, strength: %s}\n"
    for target in ("methods.dmd:FewStep", "methods.ti2v_v2:TI2VV2"):
        row.write_text(head % (target, model, student, 0.5))
        assert read_row(row).card.parameters["strength"] == 0.5
        row.write_text(head % (target, model, student, 0.4))
        with pytest.raises(UserError, match=r"'row': strength 0\.4 .* wanted one from 0\.5 to 1"):
            read_row(row)


def test_unipc_walks_a_students_sigmas_below_one(make, model, tmp_path):
    student, off = str(exported(tmp_path / "s", model)), {"region": "none", "guidance": 1.0}
    method = make(TI2VV2, student=student, generation_solver="unipc", strength=0.9, **off)
    method.parameters.check_model("row")
    assert method.edit(REQUEST).nfe == 4


def test_a_student_altered_after_its_export_is_refused(make, model, tmp_path):
    import hashlib

    folder = exported(tmp_path / "s", model)
    weights = folder / "pytorch_lora_weights.safetensors"
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(weights.read_bytes()).hexdigest()}  {weights.name}\n")
    make(student=str(folder))
    tensors = load_file(weights)
    save_file({k: v + 1 for k, v in tensors.items()}, weights)
    with pytest.raises(UserError, match=r"pytorch_lora_weights\.safetensors: expected sha256 \w{12}, found \w{12}"):
        make(student=str(folder))


def test_a_rows_identity_holds_its_students_weights(model, tmp_path):
    folder = exported(tmp_path / "s", model)
    text = "name: row\nclass: methods.dmd:FewStep\nfamily: few-step\ntrack: first-frame\nparameters: {model: %s%s}\n"
    row = tmp_path / "row.yaml"

    def weights(student: str) -> str | None:
        row.write_text(text % (model, student))
        return read_row(row).card.weights

    alone = weights("")
    with_student = weights(f", student: {folder}")
    assert alone == model_digest(model) != with_student
    path = folder / "pytorch_lora_weights.safetensors"
    save_file({k: v + 1 for k, v in load_file(path).items()}, path)
    assert weights(f", student: {folder}") not in (alone, with_student)
    assert weights(", student: nowhere") is None, "a row can be listed without its weights"
    assert digest(find(str(path))) != digest(folder)


def test_a_student_on_the_command_line_makes_a_row_of_its_own(model, tmp_path):
    from bench.home import open_home
    from bench.plan import RunSpec
    from bench.run import prepare
    from tests.fixtures import make_testset

    make_testset(tmp_path / "set")
    folder = exported(tmp_path / "s", model)

    def planned(*parameters):
        spec = RunSpec(("teacher-4",), "smoke", str(tmp_path / "set"), "lite-1", controls=False, parameters=parameters)
        return [e.card for e in prepare(spec, open_home(tmp_path / "home")).entries]

    where = ("model", str(model)), ("student", str(folder))
    (card,) = planned(*where)
    assert card.name.startswith("teacher-4-") and len(card.name) == len("teacher-4-") + 6
    assert card.parameters["student"] == str(folder) and card.parameters["generation_steps"] == 4
    assert card.weights not in (None, registry.method("teacher-4").card.weights)
    assert planned(*where)[0].name == card.name != planned(*where, ("strength", 0.9))[0].name
    (fast,) = planned(where[0], ("student", str(published(tmp_path / "fastwan", model))))
    assert fast.parameters["start"] == "teacher-inversion", "fresh noise leaves no other way up"
    for wrong, message in (
        (("student", "nowhere"), "no student 'nowhere'"),
        (("stepz", 3), "unknown parameter 'stepz'; allowed: model, "),
        (("guidance", 0.5), r"guidance = 0\.5 is not allowed; wanted a guidance scale >= 1"),
    ):
        with pytest.raises(UserError, match=message):
            planned(wrong)
