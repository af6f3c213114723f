"""The three fields of DMD on one architecture: student, critic (fake score) and frozen teacher (real score)."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.errors import UserError
from methods.training.dmd.config import Lora
from methods.training.dmd.loss import Field
from methods.training.flow_loss import timesteps

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel

WRAPPED = ".embedder."
"""What `TwoTimesteps` adds to the names of the weights it wraps."""


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What a batch of samples is made from."""

    first: Tensor
    """Clean latent of frame 0, [B, C, 1, h, w]."""
    given: Tensor
    """Whether it is given, bool [B]; else frame 0 is noised like the others."""
    context: Tensor
    """Text states, [B, N, D]."""

    def pin(self, x: Tensor) -> Tensor:
        """Return x with frame 0 as given."""
        first = torch.where(self.given.view(-1, 1, 1, 1, 1), self.first.to(x.dtype), x[:, :, :1])
        return torch.cat([first, x[:, :, 1:]], dim=2)

    def counted(self, x: Tensor) -> Tensor:
        """Return 1 for the latent frames that are made, 0 for a given one, [B, 1, T', 1, 1]."""
        counted = torch.ones(len(x), 1, x.shape[2], 1, 1, device=x.device)
        counted[:, :, 0] = torch.where(self.given, 0.0, 1.0).view(-1, 1, 1, 1)
        return counted


def field_of(transformer: WanTransformer3DModel, condition: Condition) -> Field:
    """Return the transformer's velocity under a condition, each sample at its own sigma; 0 on a given frame."""
    _, high, wide = transformer.config.patch_size

    def field(x: Tensor, sigma: Tensor) -> Tensor:
        frames, height, width = x.shape[2:]
        times = timesteps(sigma, condition.given, frames, frames * (height // high) * (width // wide))
        context = condition.context.to(transformer.dtype)
        out = transformer(condition.pin(x).to(transformer.dtype), times, context, return_dict=False)[0]
        return out.float() * condition.counted(x)

    return field


def guided(conditional: Field, unconditional: Field | None, guidance: float) -> Field:
    """Return v_u + g (v_c - v_u); 1 is the conditional field itself, at one evaluation."""
    if guidance == 1 or unconditional is None:
        return conditional

    def field(x: Tensor, sigma: Tensor) -> Tensor:
        u = unconditional(x, sigma)
        return u + guidance * (conditional(x, sigma) - u)

    return field


class Networks(ABC):
    """The three transformers, however many copies they take. Only one may be in use at a time."""

    student: nn.Module
    """The student's weights as a tree, under the names of a saved checkpoint."""
    critic: nn.Module
    student_transformer: WanTransformer3DModel
    """What `use("student")` returns: one object for the whole run."""

    @abstractmethod
    def use(self, role: str) -> WanTransformer3DModel:
        """Return the transformer as `student`, `critic` or `teacher`; valid until the next call."""

    @abstractmethod
    def compile(self) -> None:
        """Compile the blocks for speed; the first forwards are slow then."""

    @abstractmethod
    def plain(self) -> None:
        """Undo `compile`."""

    @contextmanager
    def averaged(self, average: nn.Module) -> Iterator[None]:
        """Run the student on other weights of the same names for a while."""
        swap(self.student, average)
        try:
            yield
        finally:
            swap(self.student, average)


class FullNetworks(Networks):
    """Three copies of the transformer, two of them trained whole."""

    def __init__(self, teacher: WanTransformer3DModel) -> None:
        self.student_transformer = copy.deepcopy(teacher).requires_grad_(True)
        self._roles = {
            "teacher": teacher.requires_grad_(False),
            "student": self.student_transformer,
            "critic": copy.deepcopy(teacher).requires_grad_(True),
        }
        self.student, self.critic = (tree(named(self._roles[r])) for r in ("student", "critic"))

    def use(self, role: str) -> WanTransformer3DModel:
        """Return the role's own copy."""
        return self._roles[role]

    def compile(self) -> None:
        """Compile each block: all copies share the code, so one block's time is paid."""
        for block in self._blocks():
            block.compile(dynamic=False)

    def plain(self) -> None:
        """Undo `compile`."""
        for block in self._blocks():
            block._compiled_call_impl = None

    def _blocks(self) -> Iterator[nn.Module]:
        for transformer in self._roles.values():
            yield from transformer.blocks


class LoraNetworks(Networks):
    """One copy of the transformer with two adapters (peft): the teacher is the copy without them."""

    def __init__(self, teacher: WanTransformer3DModel, lora: Lora) -> None:
        from peft import LoraConfig

        self._base = self.student_transformer = teacher.requires_grad_(False)
        for role in ("student", "critic"):
            teacher.add_adapter(
                LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets)), adapter_name=role
            )
        if lora.checkpointing:
            teacher.enable_gradient_checkpointing()
        self._adapters = {role: self._weights(role) for role in ("student", "critic")}
        for name, weight in self._adapters["critic"].items():
            if name.endswith("lora_A.weight"):  # the second factor is 0, so both start as the teacher
                weight.data.copy_(self._adapters["student"][name].data)
        self.student, self.critic = (tree(self._adapters[role]) for role in ("student", "critic"))
        self.use("student")

    def use(self, role: str) -> WanTransformer3DModel:
        """Return the one copy with the role's adapter switched on."""
        if role == "teacher":
            self._base.disable_adapters()
        else:
            self._base.enable_adapters()
            self._base.set_adapter(role)
        for weights in self._adapters.values():  # switching froze the other's, whose graph may wait for its backward
            for weight in weights.values():
                weight.requires_grad_(True)
        return self._base

    def compile(self) -> None:
        """Do nothing: switching adapters would compile each block anew."""

    def plain(self) -> None:
        """Do nothing."""

    def _weights(self, role: str) -> dict[str, nn.Parameter]:
        found = {n.replace(f".{role}.", "."): p for n, p in named(self._base).items() if f".{role}." in n}
        if not found:
            raise UserError("lora.targets name no linear layer of this transformer: see its state_dict's names")
        for weight in found.values():
            weight.data = weight.data.float()
        return found


def build(teacher: WanTransformer3DModel, lora: Lora | None) -> Networks:
    """Return student and critic on a teacher's weights, as its copies or as adapters."""
    return LoraNetworks(teacher, lora) if lora else FullNetworks(teacher)


def named(transformer: nn.Module) -> dict[str, nn.Parameter]:
    """Return a transformer's weights under diffusers' own names, wrapped or not."""
    return {name.replace(WRAPPED, "."): p for name, p in transformer.named_parameters()}


def tree(weights: Mapping[str, nn.Parameter]) -> nn.Module:
    """Return a module without forward whose `named_parameters` are these very weights."""
    root = nn.Module()
    for name, weight in weights.items():
        *path, last = name.split(".")
        here = root
        for part in path:
            if not hasattr(here, part):
                here.add_module(part, nn.Module())
            here = here.get_submodule(part)
        here.register_parameter(last, weight)
    return root


@torch.no_grad()
def swap(one: nn.Module, other: nn.Module) -> None:
    """Exchange the values of two trees of equal names."""
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        kept = a.detach().clone()
        a.copy_(b)
        b.copy_(kept)
