"""The records a scene is packed into: shared by the kernels (as structs) and the packer (as NumPy records)."""

from __future__ import annotations

import warp as wp

from testset.scenes.lettering import HEIGHT, TEXELS, WIDTH

# Shapes of a part; `size` is (a, b, c, rounding) with the meaning given here, lengths in scene units.
BOX = wp.constant(1)  # half extents a, b, c
CONE = wp.constant(2)  # half height a along y, radius b below, radius c above
TORUS = wp.constant(3)  # axis y: ring radius a, tube radius b, c: half opening angle in radians (0: closed)
ELLIPSOID = wp.constant(4)  # half axes a, b, c
CAPSULE = wp.constant(5)  # half length a along y, radius b

UNION = wp.constant(0)
SUBTRACT = wp.constant(1)  # from all earlier parts of the same body

# Patterns of a surface and of the floor.
PLAIN = wp.constant(0)
WOOD = wp.constant(1)
MARBLE = wp.constant(2)
LEATHER = wp.constant(3)
FABRIC = wp.constant(4)
GLAZE = wp.constant(5)
PLANKS = wp.constant(6)
GRAIN = wp.constant(7)
CONCRETE = wp.constant(8)
STRIPES = wp.constant(9)
SHEET = wp.constant(10)

# Backdrops, drawn on a cylinder around the scene.
SEAMLESS = wp.constant(0)
WINDOW = wp.constant(1)
TILES = wp.constant(2)
MEADOW = wp.constant(3)
BEACH = wp.constant(4)
BRICK = wp.constant(5)
BOKEH = wp.constant(6)

# A label, in units of its lettering's grid.
LABEL_WIDTH = wp.constant(float(WIDTH))
LABEL_HEIGHT = wp.constant(float(HEIGHT))
LABEL_TEXELS = wp.constant(float(TEXELS))

# Styles of the finished picture.
NO_STYLE = wp.constant(0)
WATERCOLOUR = wp.constant(1)
PENCIL = wp.constant(2)
CEL = wp.constant(3)
POP_ART = wp.constant(4)
VINTAGE = wp.constant(5)


@wp.struct
class Part:
    """One signed-distance primitive of a body, in the body's own frame."""

    shape: wp.int32
    slot: wp.int32
    op: wp.int32
    fold: wp.int32  # bit 0: mirror x, bit 1: mirror z
    at: wp.vec3
    rot: wp.quat
    size: wp.vec4
    blend: wp.float32  # radius of the smooth union with what came before, 0 for a hard one
    reach: wp.float32  # radius of a sphere about `at` that holds the part


@wp.struct
class Body:
    """A product or a prop: a run of parts, where it stands, and the box that holds it."""

    first: wp.int32
    count: wp.int32
    slot0: wp.int32
    at: wp.vec3
    centre: wp.vec3  # of the bounding box, in the body's frame
    half: wp.vec3
    label: wp.int32  # word on the label at its front, -1 for none
    label_slot: wp.int32  # the surface that carries it
    label_box: wp.vec4  # centre x, y and half width, half height in the body's frame


@wp.struct
class Surface:
    """What a slot of a body is made of. Colours are linear RGB."""

    albedo: wp.vec3
    second: wp.vec3
    rough: wp.float32
    metal: wp.float32
    spec: wp.float32
    pattern: wp.int32
    scale: wp.float32
    strength: wp.float32
    transmission: wp.float32
    bump: wp.float32
    phase: wp.float32
    soft: wp.float32  # key light that comes out of the body again, below the surface
    sheen: wp.float32  # of fibres, seen along the surface


@wp.struct
class World:
    """Everything around the bodies: floor, backdrop, light and grade."""

    first_body: wp.int32
    bodies: wp.int32
    floor_pattern: wp.int32
    floor_a: wp.vec3
    floor_b: wp.vec3
    floor_scale: wp.float32
    floor_gloss: wp.float32
    backdrop: wp.int32
    low: wp.vec3  # backdrop at eye level
    high: wp.vec3  # backdrop above
    extra: wp.vec3  # third colour: grout, window light, sun, lamps
    fade0: wp.float32  # distance at which the floor starts to melt into the backdrop
    fade1: wp.float32
    ambient: wp.float32
    key_dir: wp.vec3
    key: wp.vec3
    softness: wp.float32  # of the key's shadow
    rim: wp.vec3
    exposure: wp.float32
    phase: wp.float32
    style: wp.int32
    wall: wp.float32  # distance of the four walls, 0 for a round horizon
    glass: wp.int32  # slot of the product's main surface where it is glass, else -2
    pixel: wp.float32  # width of a pixel at distance 1: what is finer melts together, as in a lens


@wp.struct
class Camera:
    """A pinhole camera at one frame; `right` and `up` are scaled by the tangent of the half angle."""

    eye: wp.vec3
    forward: wp.vec3
    right: wp.vec3
    up: wp.vec3
