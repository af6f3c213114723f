"""Feature injection and attention sharing: the edit borrows features of the source while it is generated.

The source's branch runs the same transformer, so its features say at each layer, token and sigma what the clip looks
like inside the model. For the noisiest steps of the generation, which settle layout and motion, they take the place of
the edit's own, everywhere but in the edited region and in the given first frame.

`feature-injection` takes what a block or its self-attention puts out (Plug-and-Play, Tumanyan et al., arXiv 2211.12572;
AnyV2V, Ku et al., arXiv 2403.14468). `attention-sharing` takes what self-attention works on: keys and values
(MasaCtrl, Cao et al., arXiv 2304.08465) or values alone (RF-Edit, Wang et al., arXiv 2411.04746) carry the
source's appearance, queries and keys its structure; the query to the prompt is an option.

Features are stored while the source is inverted, at the cost of memory only, or computed beside each step of the
generation from the source's path, at one evaluation more a step and no memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.errors import UserError
from bench.types import EditRequest
from methods.inversion import Branches, TI2VInversion
from methods.region import RegionParameters, kept_tokens, region_of
from methods.wan.solvers import Velocity
from methods.wan.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.attention import Place, Site
    from methods.wan.velocity import Backbone

ON_DEVICE = 2**30
"""Bytes of stored features that stay on the model's device; what comes after goes to the CPU's memory."""


class BorrowingParameters(RegionParameters):
    """What rows that borrow features may set, whatever they borrow."""

    guidance_inversion: Literal[1.0] = Field(1.0, description="1: features are those of an unguided source")
    features: Literal["stored", "beside"] = Field(
        "stored", description="stored (during the inversion) or beside (computed at each step from the source's path)"
    )

    @property
    def taps(self) -> tuple[Tap, ...]:
        """What is borrowed."""
        raise NotImplementedError

    def check_model(self, row: str) -> None:
        """Raise UserError naming the first layer that the model does not have."""
        from methods.wan.folder import layers, resolve

        wanted = [layer for tap in self.taps for layer in tap.layers]
        try:
            count = layers(resolve(self.model)) if wanted else 0
        except UserError:
            return  # said when the row is loaded: a row can be listed without its weights
        for layer in wanted:
            if not 0 <= layer < count:
                raise UserError(f"method '{row}': layer {layer} does not exist; wanted layers from 0 to {count - 1}")


class InjectionParameters(BorrowingParameters):
    """What a row of feature injection may set."""

    injection_layers: tuple[int, ...] = Field((), strict=False, description="a list of the model's layers, from 0")
    injection_sites: tuple[Literal["block", "output"], ...] = Field(
        ("block",),
        strict=False,
        min_length=1,
        description="a list of block (its output) and output (its self-attention's), one or both; "
        "injection_layers: [] borrows nothing",
    )
    injection_amount: float = Field(1.0, gt=0, le=1, description="a share in (0, 1] of each feature that is replaced")
    injection_share: float = Field(0.3, gt=0, le=1, description="a share in (0, 1] of the steps, the noisiest")

    @property
    def taps(self) -> tuple[Tap, ...]:
        """The one tap on outputs."""
        return (self.injection,)

    @property
    def injection(self) -> Tap:
        """The tap of these parameters."""
        return Tap(self.injection_layers, self.injection_sites, self.injection_amount, self.injection_share)


class SharingParameters(BorrowingParameters):
    """What a row of attention sharing may set."""

    sharing_layers: tuple[int, ...] = Field((), strict=False, description="a list of the model's layers, from 0")
    sharing_sites: tuple[Literal["query", "key", "value", "cross-query"], ...] = Field(
        ("key", "value"),
        strict=False,
        min_length=1,
        description="a list of query, key, value and cross-query, one or more; sharing_layers: [] borrows nothing",
    )
    sharing_amount: float = Field(1.0, gt=0, le=1, description="a share in (0, 1] of each feature that is replaced")
    sharing_share: float = Field(0.5, gt=0, le=1, description="a share in (0, 1] of the steps, the noisiest")

    @property
    def taps(self) -> tuple[Tap, ...]:
        """The one tap on attention."""
        return (self.sharing,)

    @property
    def sharing(self) -> Tap:
        """The tap of these parameters."""
        return Tap(self.sharing_layers, self.sharing_sites, self.sharing_amount, self.sharing_share)


@dataclass(frozen=True, slots=True)
class Tap:
    """Which features are borrowed, how far they replace the edit's own, and for which share of the steps."""

    layers: tuple[int, ...]
    sites: tuple[Site, ...]
    amount: float
    share: float

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place that is tapped."""
        return tuple((layer, site) for layer in self.layers for site in self.sites)

    def last(self, sigmas: Sequence[float]) -> float:
        """Return the sigma down to which a descending grid's steps borrow; at least one step does."""
        return sigmas[max(1, round(self.share * (len(sigmas) - 1)))]


@dataclass(slots=True, eq=False)
class Loan:
    """The source's features on their way into the edit."""

    wan: Backbone
    taps: tuple[Tap, ...]
    sigmas: Sequence[float]
    """The generation's grid."""
    keep: Tensor
    """[1, L, 1] in [0, 1]: how far each token may be held to the source."""
    _stored: dict[float, dict[Place, Tensor]] = field(default_factory=dict)
    _bytes: int = 0

    def recorded(self, v_src: Velocity[Tensor], noisiest: float) -> Velocity[Tensor]:
        """Return the source's velocity; features are stored where the generation will ask for them.

        `noisiest` is the inversion's last sigma but one, whose features stand in above it.
        """

        def velocity(x: Tensor, sigma: float) -> Tensor:
            places = [p for t in self.taps if sigma >= min(t.last(self.sigmas), noisiest) - 1e-9 for p in t.places]
            v, features = self._watched(v_src, x, sigma, places)
            if places:
                self._stored[sigma] = {place: self._put(feature) for place, feature in features.items()}
            return v

        return velocity

    def injected(self, v_tar: Velocity[Tensor]) -> Velocity[Tensor]:
        """Return the target's velocity, given the features that were stored at the nearest sigma.

        On one grid that is the same sigma, but for the noisiest: an inversion ends there and asks nothing.
        """

        def velocity(x: Tensor, sigma: float) -> Tensor:
            if not (taps := self._active(sigma)):
                return v_tar(x, sigma)
            nearest = min(self._stored, key=lambda s: abs(s - sigma))
            return self._given(v_tar, x, sigma, taps, self._stored[nearest])

        return velocity

    def beside(self, v_src: Velocity[Tensor], path: Trace, v_tar: Velocity[Tensor]) -> Velocity[Tensor]:
        """Return the target's velocity, given the source's features at the same sigma, computed from its path."""

        def velocity(x: Tensor, sigma: float) -> Tensor:
            if not (taps := self._active(sigma)):
                return v_tar(x, sigma)
            places = [place for tap in taps for place in tap.places]
            _, features = self._watched(v_src, path.at(sigma), sigma, places)
            return self._given(v_tar, x, sigma, taps, features)

        return velocity

    def _active(self, sigma: float) -> list[Tap]:
        return [tap for tap in self.taps if tap.layers and sigma > tap.last(self.sigmas) + 1e-9]

    def _watched(
        self, v_src: Velocity[Tensor], x: Tensor, sigma: float, places: Sequence[Place]
    ) -> tuple[Tensor, dict[Place, Tensor]]:
        from methods.wan.attention import recording

        with recording(self.wan.transformer, places) as features:
            return v_src(x, sigma), features

    def _given(
        self, v_tar: Velocity[Tensor], x: Tensor, sigma: float, taps: list[Tap], features: dict[Place, Tensor]
    ) -> Tensor:
        from methods.wan.attention import injecting

        with ExitStack() as held:
            for tap in taps:
                mine = {place: features[place] for place in tap.places}
                held.enter_context(injecting(self.wan.transformer, mine, tap.amount * self.keep))
            return v_tar(x, sigma)

    def _put(self, feature: Tensor) -> Tensor:
        self._bytes += feature.nbytes
        return feature if self._bytes <= ON_DEVICE else feature.cpu()


class Borrowing(TI2VInversion):
    """TI2V inversion whose generation borrows the source's features."""

    Parameters: ClassVar[type[BorrowingParameters]] = BorrowingParameters
    parameters: BorrowingParameters

    def load(self, device: str) -> None:
        """As `WanMethod.load`; UserError too when the model lacks a layer that the row names."""
        super().load(device)
        self.parameters.check_model(self.card.name)

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        branches = self.branches(wan, request)
        region = region_of(self.parameters, wan, request, branches)
        noise, v_tar = self.borrow(wan, branches, region)
        return self.generate(wan, branches, noise, v_tar)

    def borrow(
        self, wan: Backbone, branches: Branches, region: Tensor | None, path: Trace | None = None
    ) -> tuple[Tensor, Velocity[Tensor]]:
        """Invert the source; return the noise and the target's velocity with what it borrows.

        The source's way through the noise is written to `path` where one is given.
        """
        p = self.parameters
        keep = kept_tokens(region, branches.source, int(wan.transformer.config.patch_size[-1]))
        loan = Loan(wan, p.taps, self.grid(wan), keep)
        if p.features == "beside" and path is None:
            path = Trace()
        v_src = branches.v_src if path is None else path.watching(branches.v_src)
        if p.features == "stored":
            v_src = loan.recorded(v_src, self.inversion_grid(wan)[-2])
        noise = self.invert(wan, branches, v_src)
        if path is not None:
            path.add(self.inversion_grid(wan)[-1], noise)
        if p.features == "beside" and path is not None:
            return noise, loan.beside(branches.v_src, path, branches.v_tar)
        return noise, loan.injected(branches.v_tar)


class FeatureInjection(Borrowing):
    """Borrow the outputs of blocks or of their self-attention."""

    Parameters: ClassVar[type[InjectionParameters]] = InjectionParameters


class AttentionSharing(Borrowing):
    """Borrow what self-attention works on: queries, keys, values."""

    Parameters: ClassVar[type[SharingParameters]] = SharingParameters
