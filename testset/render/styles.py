"""The styles of the finished picture: watercolour, pencil, cel, pop art, vintage film.

Each works on the traced picture with what the tracer knows besides (normals, distances, which body), so that outlines
follow the things and not the noise. Lengths are in 1/256 of the shorter side: a style looks alike at any resolution.
"""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

from testset.render.layout import CEL, NO_STYLE, PENCIL, POP_ART, VINTAGE, WATERCOLOUR, World
from testset.render.noise import mix, ramp

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.func
def luma(c: wp.vec3):
    return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]


@wp.func
def vivid(c: wp.vec3, amount: float):
    g = luma(c)
    grey = wp.vec3(g, g, g)
    return grey + (c - grey) * amount


@wp.func
def pick(rgb: wp.array4d(dtype=wp.vec3), b: int, t: int, y: int, x: int, height: int, width: int):
    return rgb[b, t, wp.clamp(y, 0, height - 1), wp.clamp(x, 0, width - 1)]


@wp.func
def kuwahara(rgb: wp.array4d(dtype=wp.vec3), b: int, t: int, y: int, x: int, height: int, width: int, r: int):
    """Mean of the calmest of the four quadrants around a pixel (Kuwahara et al. 1976)."""
    best = wp.vec3(0.0, 0.0, 0.0)
    least = float(1.0e9)
    for q in range(4):
        sx = 1 - 2 * (q % 2)
        sy = 1 - 2 * (q // 2)
        mean = wp.vec3(0.0, 0.0, 0.0)
        square = float(0.0)
        for j in range(r + 1):
            for i in range(r + 1):
                c = pick(rgb, b, t, y + sy * j, x + sx * i, height, width)
                mean = mean + c
                square += wp.dot(c, c)
        n = float((r + 1) * (r + 1))
        mean = mean / n
        spread = square / n - wp.dot(mean, mean)
        if spread < least:
            least = spread
            best = mean
    return best


@wp.func
def grain(x: float, y: float):
    """Tooth of paper in about [-1, 1], no finer than a lens shows."""
    return 0.6 * wp.sin(x * 0.83 + 1.7 * wp.sin(y * 0.61)) + 0.4 * wp.sin(y * 0.97 + 1.9 * wp.sin(x * 0.53))


@wp.func
def outline(
    aux: wp.array4d(dtype=wp.vec4),
    ids: wp.array4d(dtype=wp.int8),
    b: int,
    t: int,
    y: int,
    x: int,
    height: int,
    width: int,
    r: int,
):
    """Strength in [0, 1] of a contour: another body, a crease or a depth step within r pixels."""
    a = aux[b, t, y, x]
    me = ids[b, t, y, x]
    e = float(0.0)
    for k in range(4):
        dx = r * (1 - 2 * (k % 2)) * (1 - k // 2)
        dy = r * (1 - 2 * (k % 2)) * (k // 2)
        v = wp.clamp(y + dy, 0, height - 1)
        u = wp.clamp(x + dx, 0, width - 1)
        c = aux[b, t, v, u]
        other = ids[b, t, v, u]
        if me >= 0 or other >= 0:
            if other != me:
                e = 1.0
            else:
                bend = 1.0 - (a[0] * c[0] + a[1] * c[1] + a[2] * c[2])
                e = wp.max(e, ramp(0.12, 0.4, bend))
                e = wp.max(e, ramp(0.02, 0.06, wp.abs(a[3] - c[3]) / wp.max(a[3], 0.1)))
    return e


@wp.func
def drawn_line(
    aux: wp.array4d(dtype=wp.vec4),
    ids: wp.array4d(dtype=wp.int8),
    b: int,
    t: int,
    y: int,
    x: int,
    height: int,
    width: int,
    r: int,
):
    """The outline as a pen would leave it: its steps smoothed over a pixel to each side."""
    e = 0.4 * outline(aux, ids, b, t, y, x, height, width, r)
    taps = int(4)
    for k in range(taps):
        v = wp.clamp(y + (k // 2) * (1 - 2 * (k % 2)), 0, height - 1)
        u = wp.clamp(x + (1 - k // 2) * (1 - 2 * (k % 2)), 0, width - 1)
        e += 0.15 * outline(aux, ids, b, t, v, u, height, width, r)
    return e


@wp.kernel
def stylize(
    worlds: wp.array(dtype=World),
    height: int,
    width: int,
    rgb: wp.array4d(dtype=wp.vec3),
    aux: wp.array4d(dtype=wp.vec4),
    ids: wp.array4d(dtype=wp.int8),
    out: wp.array4d(dtype=wp.uint8),
):
    """Apply the scene's style and write uint8. `out` is [B, T, H, 3 W]; paper textures stay with the screen."""
    b, t, y, x = wp.tid()
    world = worlds[b]
    style = world.style
    c = rgb[b, t, y, x]
    unit = float(wp.min(height, width)) / 256.0  # so that a style looks alike at any resolution
    r = wp.max(int(2.0 * unit + 0.5), 1)
    line = wp.max(int(unit + 0.5), 1)
    fx = float(x) / unit
    fy = float(y) / unit
    if style != NO_STYLE and style != VINTAGE:
        edge = drawn_line(aux, ids, b, t, y, x, height, width, line)
        if style == WATERCOLOUR:
            c = kuwahara(rgb, b, t, y, x, height, width, r + r / 2)
            c = vivid(c, 1.15)
            wash = 0.5 + 0.25 * wp.sin(fx * 0.11 + 2.0 * wp.sin(fy * 0.07)) + 0.25 * wp.sin(fy * 0.13 + fx * 0.05)
            paper = 0.97 + 0.012 * grain(fx, fy)
            c = mix(c, wp.vec3(1.0, 0.99, 0.96), 0.16 + 0.16 * wash) * paper
            c = c * (1.0 - 0.28 * edge)
        elif style == PENCIL:
            g = luma(kuwahara(rgb, b, t, y, x, height, width, r))
            gx = luma(pick(rgb, b, t, y, x + line, height, width)) - luma(pick(rgb, b, t, y, x - line, height, width))
            gy = luma(pick(rgb, b, t, y + line, x, height, width)) - luma(pick(rgb, b, t, y - line, x, height, width))
            e = wp.max(0.85 * edge, ramp(0.05, 0.3, wp.sqrt(gx * gx + gy * gy)))
            stroke = 0.5 + 0.5 * wp.sin((fx + fy) * 0.5 + 0.7 * wp.sin(fy * 0.06))
            cross = 0.5 + 0.5 * wp.sin((fx - fy) * 0.5 + 0.7 * wp.sin(fx * 0.05))
            hatch = stroke * ramp(0.75, 0.3, g) * 0.34 + cross * ramp(0.42, 0.12, g) * 0.24
            v = wp.clamp(0.97 - 0.36 * (1.0 - g) - hatch * 0.5 - 0.75 * e, 0.08, 1.0)
            v = v * (0.975 + 0.012 * grain(fx, fy))
            c = wp.vec3(v, v * 0.985, v * 0.955)
        elif style == CEL:
            k = kuwahara(rgb, b, t, y, x, height, width, r)
            g = wp.max(luma(k), 0.02)
            q = (wp.floor(g * 4.0) + ramp(0.35, 0.65, g * 4.0 - wp.floor(g * 4.0))) / 4.0
            c = vivid(k * ((0.14 + q) / (g + 0.1)), 1.35) * (1.0 - 0.92 * edge)
        elif style == POP_ART:
            k = kuwahara(rgb, b, t, y, x, height, width, r)
            g = luma(k)
            base = vivid(k, 2.3)
            ink = wp.vec3(0.12, 0.06, 0.3)
            u = (fx + fy) * 0.7071 / 12.0
            v = (fx - fy) * 0.7071 / 12.0
            du = u - wp.floor(u) - 0.5
            dv = v - wp.floor(v) - 0.5
            dot = ramp(0.1, -0.1, wp.sqrt(du * du + dv * dv) - 0.62 * ramp(0.85, 0.15, g))
            if ids[b, t, y, x] >= 0:
                bright = wp.vec3(wp.clamp(base[0], 0.0, 1.0), wp.clamp(base[1], 0.0, 1.0), wp.clamp(base[2], 0.0, 1.0))
                c = mix(mix(bright, wp.vec3(1.0, 1.0, 1.0), 0.1), bright * 0.55, dot * 0.75)
            else:
                c = mix(wp.vec3(0.98, 0.85, 0.2), wp.vec3(0.96, 0.5, 0.45), dot)
            c = mix(c, ink, 0.95 * edge)
    elif style == VINTAGE:
        g = luma(c)
        c = mix(wp.vec3(g * 1.02 + 0.06, g * 0.88 + 0.04, g * 0.66 + 0.03), c, 0.18)
        dx = float(x) / float(width) - 0.5
        dy = float(y) / float(height) - 0.5
        c = c * (1.0 - 1.1 * (dx * dx + dy * dy))
    for i in range(3):
        out[b, t, y, 3 * x + i] = wp.uint8(wp.clamp(c[i] * 255.0 + 0.5, 0.0, 255.0))
