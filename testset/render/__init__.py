"""The renderer: sphere tracing of signed-distance scenes, one source for CPU and CUDA (NVIDIA Warp)."""

from testset.render.renderer import Renderer

__all__ = ["Renderer"]
