"""Shipped weights can be trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.command import SHIPPED
from methods.training.config import FlowConfig
from methods.training.flow_stage import load_vae
from methods.training.models import build_text_encoder, build_transformer, load_weights
from methods.training.text import restore_tokenizer
from methods.training.unpack import unpack


def test_the_shipped_model_comes_back_as_runs_with_every_weight(tmp_path: Path) -> None:
    runs = unpack(SHIPPED, tmp_path)
    vae = load_vae(runs["vae"], torch.device("cpu"))
    snapshot = checkpoint.read_snapshot(runs["flow"], "flow")
    config = FlowConfig.model_validate(snapshot.config)
    tokenizer = restore_tokenizer(snapshot.extra["tokenizer"], config.text)
    weights = checkpoint.read_model(runs["flow"])
    transformer = build_transformer(config.shape, vae.config.z_dim, config.text.d_model)
    load_weights(transformer, weights, "transformer")
    load_weights(build_text_encoder(config.text, len(tokenizer)), weights, "text_encoder")
    assert snapshot.step > 1000


def test_a_folder_of_another_origin_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no training\.json"):
        unpack(tmp_path, tmp_path / "out")
