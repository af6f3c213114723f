"""What a body's surface is made of: its colour and relief at a point, and the label stuck on it.

Patterns live in the body's frame, so they turn with it; their scales are such that a close-up of 128 pixels still
shows what the thing is made of. What is finer than a pixel melts together instead of flickering.
"""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

from testset.render.layout import (
    FABRIC,
    GLAZE,
    LABEL_HEIGHT,
    LABEL_TEXELS,
    LABEL_WIDTH,
    LEATHER,
    MARBLE,
    SHEET,
    STRIPES,
    WOOD,
    Body,
    Surface,
)
from testset.render.noise import hash3, mix, mottle, ramp, resolved, swirl, vein

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.func
def texel(words: wp.array3d(dtype=float), word: int, row: int, column: int):
    return words[word, wp.clamp(row, 0, words.shape[1] - 1), wp.clamp(column, 0, words.shape[2] - 1)]


@wp.func
def label_at(words: wp.array3d(dtype=float), body: Body, p: wp.vec3, foot: float):
    """(cover, ink) in [0, 1] at p (body frame): a paper label with a fine border, and the word on it."""
    box = body.label_box
    unit = 2.0 * box[2] / LABEL_WIDTH
    x = (p[0] - box[0]) / unit
    y = (p[1] - box[1]) / unit
    right = 0.5 * LABEL_WIDTH
    top = 0.5 * LABEL_HEIGHT
    if wp.abs(x) > right + 0.5 or wp.abs(y) > top + 0.5:
        return wp.vec2(0.0, 0.0)
    soft = wp.max(0.7 * foot / unit, 0.05)
    ox = wp.max(wp.abs(x) - right + 1.0, 0.0)
    oy = wp.max(wp.abs(y) - top + 1.0, 0.0)
    edge = wp.sqrt(ox * ox + oy * oy) - 1.0  # distance to the outline, whose corners have radius 1
    u = (x + right) * LABEL_TEXELS - 0.5
    v = (top - y) * LABEL_TEXELS - 0.5
    i = int(wp.floor(u))
    j = int(wp.floor(v))
    fu = u - float(i)
    fv = v - float(j)
    w = body.label
    above = texel(words, w, j, i) * (1.0 - fu) + texel(words, w, j, i + 1) * fu
    below = texel(words, w, j + 1, i) * (1.0 - fu) + texel(words, w, j + 1, i + 1) * fu
    stroke = above * (1.0 - fv) + below * fv - 0.62
    ink = wp.max(ramp(soft, -soft, stroke), 0.85 * ramp(soft, -soft, wp.abs(edge + 0.1) - 0.22))
    return wp.vec2(ramp(soft, -soft, edge), ink)


@wp.func
def grain_of_wood(q: wp.vec3, foot: float):
    """(latewood in [0, 1], tone about 1): glued-up slats, each cut from its own place in a trunk along y.

    Wood of a year darkens slowly towards the sharp edge of the next: that edge tells grain from a reflection.
    """
    u = q[0] / 0.36
    slat = wp.floor(u)
    own = hash3(slat, 5.0, 1.0)
    x = q[0] + 0.9 * own + 0.35
    z = q[2] - 0.5 * own + 0.2
    lean = 0.22 * (own - 0.5)
    r = wp.sqrt(x * x + 0.8 * z * z + 0.01) + lean * q[1]
    r = r + 0.028 * swirl(wp.vec3(q[0] * 1.9, q[1] * 1.1 + 9.0 * own, q[2] * 1.9))
    year = r / 0.12
    f = year - wp.floor(year)
    sharp = resolved(52.0, foot)
    ring = f * wp.sqrt(f) * ramp(1.0, 0.86, f)
    late = 0.36 + (ring * 1.3 - 0.36) * sharp
    pores = wp.sin(x * 151.0 + 3.0 * swirl(wp.vec3(q[0] * 9.0, q[1] * 1.3, q[2] * 9.0))) * resolved(151.0, foot)
    seam = ramp(0.035 + 0.5 * foot, 0.012, wp.min(u - slat, 1.0 - u + slat))
    return wp.vec2(wp.clamp(late + 0.09 * pores, 0.0, 1.0), (0.84 + 0.3 * own) * (1.0 - 0.5 * seam))


@wp.func
def pebble(q: wp.vec3):
    """(way from the nearest cell's middle, depth of the crease there in [0, 1]): the grain of leather."""
    g = wp.vec3(wp.floor(q[0] - 0.5), wp.floor(q[1] - 0.5), wp.floor(q[2] - 0.5))
    first = float(9.0)
    second = float(9.0)
    way = wp.vec3(0.0, 0.0, 0.0)
    cells = int(8)
    for k in range(cells):
        c = g + wp.vec3(float(k & 1), float((k >> 1) & 1), float((k >> 2) & 1))
        h = hash3(c[0], c[1], c[2])
        i = 7.0 * h - wp.floor(7.0 * h)
        j = 49.0 * h - wp.floor(49.0 * h)
        d = q - c - wp.vec3(0.08 + 0.84 * h, 0.08 + 0.84 * i, 0.08 + 0.84 * j)
        e = wp.dot(d, d)
        if e < first:
            second = first
            first = e
            way = d
        elif e < second:
            second = e
    crease = ramp(0.3, 0.02, wp.sqrt(second) - wp.sqrt(first))
    return wp.vec4(way[0], way[1], way[2], crease)


@wp.func
def on_face(q: wp.vec3, n: wp.vec3):
    """Coordinates of q on the axis plane that its surface lies nearest to: cloth is cut in panels."""
    x = wp.abs(n[0])
    y = wp.abs(n[1])
    z = wp.abs(n[2])
    if z >= x and z >= y:
        return wp.vec2(q[0], q[1])
    if x >= y:
        return wp.vec2(q[2], q[1])
    return wp.vec2(q[0], q[2])


@wp.func
def tangent_of(n: wp.vec3, across: float, up: float):
    """The vector that goes so far along the two coordinates of `on_face`."""
    x = wp.abs(n[0])
    y = wp.abs(n[1])
    z = wp.abs(n[2])
    if z >= x and z >= y:
        return wp.vec3(across, up, 0.0)
    if x >= y:
        return wp.vec3(0.0, up, across)
    return wp.vec3(across, 0.0, up)


@wp.func
def surface_at(s: Surface, p: wp.vec3, n: wp.vec3, foot: float):
    """(albedo, normal) of a body at p with normal n, both in its frame; `foot` is the width of a pixel there."""
    q = p * s.scale + wp.vec3(s.phase, 0.7 * s.phase, -s.phase)
    wide = foot * s.scale
    m = float(0.0)
    tone = float(1.0)
    bent = n
    if s.pattern == WOOD:
        wood = grain_of_wood(q, wide)
        m = wood[0]
        tone = wood[1]
    elif s.pattern == MARBLE:
        m = vein(q)
        tone = 1.0 + 0.07 * swirl(q * 0.8 + wp.vec3(1.0, 4.0, 2.0))
    elif s.pattern == LEATHER:
        fine = resolved(150.0, wide)
        grain = pebble(q * 26.0)
        m = (0.25 + (grain[3] - 0.25) * fine) * 0.8
        tone = 1.0 + 0.12 * swirl(q * 4.2)
        bent = wp.normalize(n + wp.vec3(grain[0], grain[1], grain[2]) * (s.bump * fine))
    elif s.pattern == FABRIC:
        fine = resolved(126.0, wide)
        uv = on_face(q, n)
        fold = uv[0] * 4.5 - wp.floor(uv[0] * 4.5) - 0.5
        rib = 6.2832 * (13.0 * uv[1] + 3.4 * wp.abs(fold))
        thread = mottle(uv[0] * 31.0, uv[1] * 31.0) - 0.5
        m = wp.clamp(0.5 + (0.55 * wp.sin(rib) + 0.25 * thread) * fine, 0.0, 1.0)
        bend = tangent_of(n, wp.sign(fold) * 0.7 * wp.cos(rib), 0.7 * wp.cos(rib))
        bent = wp.normalize(n - bend * (s.bump * fine))
    elif s.pattern == SHEET:
        dents = wp.vec3(
            wp.sin(4.7 * q[1] + 2.0 * wp.sin(3.1 * q[2])),
            wp.sin(5.3 * q[2] + 2.0 * wp.sin(2.9 * q[0])),
            wp.sin(4.9 * q[0] + 2.0 * wp.sin(3.3 * q[1])),
        )
        bent = wp.normalize(n + dents * s.bump)
        brushed = mottle(38.0 * q[1], 2.2 * (q[0] + q[2])) - 0.5
        tone = 1.0 + 0.45 * brushed * resolved(120.0, wide)
    elif s.pattern == GLAZE:
        c = wp.vec3(wp.floor(q[0] * 14.0), wp.floor(q[1] * 14.0), wp.floor(q[2] * 14.0))
        h = hash3(c[0], c[1], c[2])
        i = 7.0 * h - wp.floor(7.0 * h)
        j = 49.0 * h - wp.floor(49.0 * h)
        size = 0.1 + 0.2 * j * j
        spot = wp.length(q * 14.0 - c - wp.vec3(0.3 + 0.4 * i, 0.3 + 0.4 * j, 0.3 + 0.4 * h)) - size
        soft = 7.0 * wide + 0.03
        m = 0.95 * ramp(soft, -soft, spot) * wp.step(h - 0.75)
        tone = 1.0 + 0.06 * swirl(wp.vec3(q[0] * 3.1, q[1] * 0.9, q[2] * 3.1))
    elif s.pattern == STRIPES:
        m = ramp(0.35, 0.65, 0.5 + 0.5 * wp.sin(q[1] * 14.0))
    return mix(s.albedo, s.second, m * s.strength) * tone, bent
