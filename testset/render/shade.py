"""Floors, backdrops and light: from a hit point to linear RGB.

Rough surfaces reflect an analytic surrounding (the setting's own colours and softboxes), smooth ones mirror floor and
backdrop as they are; Fresnel after Schlick (1994).
"""

from __future__ import annotations

import warp as wp

from testset.render.layout import (
    BEACH,
    BOKEH,
    BRICK,
    CONCRETE,
    GRAIN,
    MARBLE,
    MEADOW,
    PLANKS,
    STRIPES,
    TILES,
    WINDOW,
    Surface,
    World,
)
from testset.render.noise import hash2, mix, mottle, ramp, resolved, swirl, vein

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.func
def floor_colour(w: World, x: float, z: float, foot: float):
    """Albedo of the floor; `foot` is the width of a pixel there, and seen aslant twice as deep."""
    far = resolved(30.0 * w.floor_scale, 2.0 * foot)
    u = x * w.floor_scale
    v = z * w.floor_scale
    m = float(0.0)
    dark = float(0.0)
    if w.floor_pattern == PLANKS:
        plank = wp.floor(u * 1.5 + w.phase)
        own = hash2(plank, 3.0)
        grain = wp.sin(7.0 * (u * 1.5 + 0.22 * swirl(wp.vec3(u * 1.2, v * 0.4 + plank * 3.1, plank))) + plank * 2.4)
        fine = wp.sin(u * 45.0 + 4.0 * swirl(wp.vec3(u * 3.0, v * 0.7, plank)))
        m = wp.clamp(0.25 + 0.5 * own + 0.2 * grain + 0.04 * fine * far, 0.0, 1.0)
        edge = wp.abs((u * 1.5 + w.phase - plank) - 0.5)
        dark = 0.55 * wp.exp(-wp.abs(edge - 0.5) * 60.0)
    elif w.floor_pattern == MARBLE:
        m = vein(wp.vec3(u * 0.8 + w.phase, v * 0.8, 0.3 * u - 0.4 * v)) * 0.9
    elif w.floor_pattern == GRAIN:
        near = resolved(45.0 * w.floor_scale, 1.4 * foot)
        fine = (mottle(u * 9.0 + 0.4 * swirl(wp.vec3(u, v, 0.0)), v * 9.0) - 0.5) * far
        finer = (mottle(u * 21.0 + 3.0, v * 21.0) - 0.5) * near
        m = 0.5 + 0.14 * swirl(wp.vec3(u * 2.0 + w.phase, v * 2.0, u - v)) + 0.45 * fine + 0.45 * finer
    elif w.floor_pattern == CONCRETE:
        stain = 0.16 * swirl(wp.vec3(u * 1.3 + w.phase, v * 1.3, 0.5 * u)) + 0.3 * (mottle(u * 5.0, v * 5.0) - 0.5)
        m = 0.5 + stain + 0.25 * (mottle(u * 19.0, v * 19.0) - 0.5) * far
    elif w.floor_pattern == STRIPES:
        cell = wp.sin(u * 6.0) * wp.sin(v * 6.0)
        m = ramp(-0.04, 0.04, cell)
    return mix(w.floor_a, w.floor_b, wp.clamp(m, 0.0, 1.0)) * (1.0 - dark)


@wp.func
def floor_end(w: World, p: wp.vec3):
    """0 where the floor is seen at p, 1 where the backdrop is; between them in settings without walls."""
    if w.wall > 0.0:
        return wp.step(w.wall - wp.max(wp.abs(p[0]), wp.abs(p[2])))
    return ramp(w.fade0, w.fade1, wp.sqrt(p[0] * p[0] + p[2] * p[2]))


@wp.func
def wall_hit(origin: wp.vec3, direction: wp.vec3, distance: float):
    """(place along the walls, height) where a ray meets the square room of that half width."""
    tx = float(1.0e4)
    tz = float(1.0e4)
    if wp.abs(direction[0]) > 1.0e-5:
        tx = (distance - origin[0] * wp.sign(direction[0])) / wp.abs(direction[0])
    if wp.abs(direction[2]) > 1.0e-5:
        tz = (distance - origin[2] * wp.sign(direction[2])) / wp.abs(direction[2])
    p = origin + direction * wp.min(tx, tz)
    u = p[0]
    if tx < tz:
        u = 17.0 * wp.sign(direction[0]) - p[2]
    return wp.vec2(u, p[1])


@wp.func
def cylinder_hit(origin: wp.vec3, direction: wp.vec3, radius: float):
    """(angle, height) where a ray from inside meets the vertical cylinder of that radius."""
    a = direction[0] * direction[0] + direction[2] * direction[2]
    b = origin[0] * direction[0] + origin[2] * direction[2]
    c = origin[0] * origin[0] + origin[2] * origin[2] - radius * radius
    t = (-b + wp.sqrt(wp.max(b * b - a * c, 0.0))) / wp.max(a, 1.0e-4)
    p = origin + direction * t
    return wp.vec2(wp.atan2(-p[0], -p[2]), p[1])  # the seam lies at +z, behind every camera


@wp.func
def backdrop(w: World, origin: wp.vec3, direction: wp.vec3):
    """Linear RGB behind everything. Soft on purpose: a lens would not hold it in focus."""
    hit = cylinder_hit(origin, direction, 6.0)
    u = hit[0] * 6.0 + w.phase
    y = hit[1]
    if w.wall > 0.0:
        flat = wall_hit(origin, direction, w.wall)
        u = flat[0] + w.phase
        y = flat[1]
    up = wp.clamp(0.5 + 1.5 * direction[1], 0.0, 1.0)
    c = mix(w.low, w.high, up)
    if w.backdrop == WINDOW:
        k = u / 4.2
        x = (k - wp.floor(k) - 0.5) * 4.2
        frame = ramp(1.35, 1.05, wp.abs(x)) * ramp(0.35, 0.75, y) * ramp(3.6, 3.2, y)
        bars = 1.0 - 0.55 * wp.exp(-wp.abs(x) * 9.0) - 0.45 * wp.exp(-wp.abs(y - 1.9) * 9.0)
        garden = mix(
            w.extra,
            wp.cw_mul(w.extra, wp.vec3(0.55, 0.75, 0.45)),
            ramp(0.0, 1.2, 1.6 - y + 0.35 * wp.sin(u * 5.0)),
        )
        c = mix(c, garden * bars, frame)
        curtain = wp.exp(-wp.abs(wp.abs(x) - 1.55) * 3.2) * (0.75 + 0.25 * wp.sin(u * 11.0))
        c = mix(c, w.high * 1.15, 0.6 * curtain * ramp(0.0, 0.5, y))
    elif w.backdrop == TILES:
        row = wp.floor(y / 0.42)
        x = u / 0.84 + 0.5 * (row - 2.0 * wp.floor(row * 0.5))
        fx = wp.abs(x - wp.floor(x) - 0.5)
        fy = wp.abs(y / 0.42 - row - 0.5)
        c = c * (0.93 + 0.12 * hash2(wp.floor(x), row))
        c = mix(c, w.extra, 0.75 * wp.max(ramp(0.45, 0.485, fx), ramp(0.41, 0.47, fy)))
        shelf = ramp(2.05, 2.12, y) * ramp(2.3, 2.23, y)
        c = mix(c, wp.vec3(0.3, 0.17, 0.08), shelf)
    elif w.backdrop == BRICK:
        row = wp.floor(y / 0.3)
        x = u / 0.8 + 0.5 * (row - 2.0 * wp.floor(row * 0.5))
        fx = wp.abs(x - wp.floor(x) - 0.5)
        fy = wp.abs(y / 0.3 - row - 0.5)
        own = hash2(wp.floor(x), row)
        c = c * (0.7 + 0.5 * own)
        c = mix(c, w.extra, 0.8 * wp.max(ramp(0.44, 0.49, fx), ramp(0.38, 0.47, fy)))
    elif w.backdrop == MEADOW:
        hill = 0.5 + 0.25 * wp.sin(u * 0.55) + 0.1 * wp.sin(u * 1.7 + 1.0)
        tree = hill + 0.35 + 0.18 * wp.abs(wp.sin(u * 2.3 + wp.sin(u * 5.1)))
        cloud = ramp(0.3, 1.3, swirl(wp.vec3(u * 0.4, y * 0.9, 1.0)) + 0.4 * swirl(wp.vec3(u * 1.1, y * 2.1, 4.0)))
        c = mix(c, wp.vec3(0.95, 0.96, 0.98), 0.75 * cloud * ramp(1.0, 2.2, y))
        c = mix(c, wp.cw_mul(w.extra, wp.vec3(0.5, 0.7, 0.6)), ramp(tree + 0.12, tree - 0.12, y))
        c = mix(c, w.extra, ramp(hill + 0.1, hill - 0.1, y))
    elif w.backdrop == BEACH:
        sea = ramp(0.62, 0.5, y)
        glitter = 0.5 + 0.2 * wp.sin(y * 34.0 + wp.sin(u * 5.0)) * wp.sin(u * 3.0 + 7.0 * y)
        c = mix(c, mix(wp.vec3(0.12, 0.2, 0.3), w.low, 0.35 + 0.3 * glitter), sea)
        a = hit[0] - 0.3
        sun = a * a * 36.0 + (y - 1.35) * (y - 1.35)
        c = c + w.extra * (wp.exp(-sun * 0.5) * 0.55 + ramp(0.22, 0.14, sun) * 0.9)
    elif w.backdrop == BOKEH:
        for i in range(2):
            size = 0.95 + 0.55 * float(i)
            gx = u / size + 0.37 * float(i)
            gy = y / size
            cx = wp.floor(gx)
            cy = wp.floor(gy)
            own = hash2(cx + 7.0 * float(i), cy)
            ox = gx - cx - 0.5 + 0.3 * (hash2(cx, cy + 3.0) - 0.5)
            oy = gy - cy - 0.5 + 0.3 * (hash2(cx + 5.0, cy) - 0.5)
            r = 0.16 + 0.16 * own
            disc = ramp(r, r - 0.05, wp.sqrt(ox * ox + oy * oy))
            lamp = mix(w.extra, wp.cw_mul(w.extra, wp.vec3(1.0, 0.55, 0.3)), hash2(cy, cx))
            if own > 0.45:
                c = c + lamp * disc * (0.35 + 0.5 * own) * ramp(0.1, 0.8, y)
    if w.wall > 0.0:
        c = c * (1.0 - 0.35 * wp.exp(-5.0 * wp.max(y, 0.0)))  # the dark seam of a wall with its floor
    return c


@wp.func
def softbox(r: wp.vec3, axis: wp.vec3, width: float, height: float, rough: float):
    """Seen brightness in [0, 1] of a rectangular light in direction `axis` along the reflected ray r."""
    side = wp.normalize(wp.cross(axis, wp.vec3(0.0, 1.0, 0.0)))
    top = wp.cross(side, axis)
    facing = wp.dot(r, axis)
    soft = 0.03 + 0.9 * rough * rough + 0.25 * rough
    u = wp.abs(wp.dot(r, side)) / wp.max(facing, 0.05)
    v = wp.abs(wp.dot(r, top)) / wp.max(facing, 0.05)
    inside = ramp(width + soft, width - soft, u) * ramp(height + soft, height - soft, v) * ramp(0.0, 0.2, facing)
    bars = 0.7 * ramp(0.16, 0.05, rough) * wp.max(ramp(0.045, 0.02, u), ramp(0.045, 0.02, v))  # a window's
    spread = (width * height) / ((width + soft) * (height + soft))
    return inside * spread * (1.0 - bars)


@wp.func
def mirrored(w: World, p: wp.vec3, r: wp.vec3, foot: float):
    """Light from floor or backdrop that reaches p against r. Nothing stands on that floor, but it is dark near p."""
    behind = backdrop(w, p, r) * (1.0 - 0.5 * ramp(0.3, 0.85, r[1]))
    if r[1] > -0.01:
        return behind
    t = -p[1] / r[1]
    hit = p + r * t
    sky = mix(w.low, w.high, 0.6) * 0.6 + wp.vec3(0.35, 0.35, 0.35)
    light = w.key * (0.6 * wp.max(w.key_dir[1], 0.0)) + sky * w.ambient
    floor = wp.cw_mul(floor_colour(w, hit[0], hit[2], foot + 0.02 * t), light) * (0.3 + 0.7 * ramp(0.0, 0.7, t))
    return mix(floor, behind, floor_end(w, hit))


@wp.func
def surrounding(w: World, p: wp.vec3, r: wp.vec3, rough: float, metal: float, foot: float):
    """Light that a surface of that roughness at p sees along r: floor below, backdrop above, softboxes."""
    edge = 0.06 + 0.9 * rough
    up = ramp(-edge, edge, r[1] + 0.03)
    below = mix(w.floor_a, w.floor_b, 0.4) * (0.5 + 0.25 * w.ambient)
    above = mix(w.low, w.high, wp.clamp(0.35 + r[1], 0.0, 1.0)) * (0.35 + 0.5 * w.ambient)
    c = mix(below, above, up)
    sharp = ramp(0.3, 0.18, rough)
    if sharp > 0.0:
        c = mix(c, mirrored(w, p, r, foot), sharp)
    k = w.key_dir
    aside = wp.abs(k[2] * r[0] - k[0] * r[2])
    aside = aside / wp.max(wp.sqrt((k[0] * k[0] + k[2] * k[2]) * (r[0] * r[0] + r[2] * r[2])), 0.05)
    # Black flags on both sides of the light and a dark ceiling: what a photographer gives metal its contours with.
    flag = wp.max(ramp(0.35, 0.6, aside) * ramp(0.98, 0.85, aside), 0.7 * ramp(0.35, 0.75, r[1]))
    c = c * (1.0 + 0.35 * metal) * (1.0 - metal * 0.85 * flag)  # and more light all around
    fill = wp.normalize(wp.vec3(-k[2] * 0.9 - k[0] * 0.35, 0.4, k[0] * 0.9 - k[2] * 0.35))
    strip = wp.normalize(wp.vec3(-k[0], 0.25, -k[2]))
    c = c + w.key * ((1.6 + 1.4 * sharp) * softbox(r, k, 0.42, 0.55, rough))
    c = c + w.key * ((0.75 + 0.5 * sharp) * softbox(r, fill, 0.22, 0.7, rough))
    return c + w.rim * 0.8 * softbox(r, strip, 0.5, 0.25, rough)


@wp.func
def lit(
    w: World,
    s: Surface,
    albedo: wp.vec3,
    p: wp.vec3,
    n: wp.vec3,
    direction: wp.vec3,
    seen: float,
    open_: float,
    foot: float,
):
    """(diffuse, specular) outgoing linear RGB of a surface."""
    facing = wp.dot(n, w.key_dir)
    lambert = wp.max(facing, 0.0) * seen
    wrap = 0.5 + 0.5 * n[1]
    sky = mix(mix(w.floor_a, w.floor_b, 0.4) * 0.55, mix(w.low, w.high, 0.6) * 0.6 + wp.vec3(0.35, 0.35, 0.35), wrap)
    light = w.key * (0.95 * lambert) + sky * (w.ambient * open_)
    back = wp.max(wp.dot(n, wp.vec3(-w.key_dir[0], 0.3, -w.key_dir[2])), 0.0)
    light = light + w.rim * (0.25 * back * open_)
    light = light + w.key * (s.soft * (0.5 + 0.5 * facing) * open_)  # what has wandered through the body
    ndv = wp.clamp(-wp.dot(n, direction), 0.0, 1.0)
    grazing = 1.0 - ndv
    g2 = grazing * grazing
    fuzz = s.sheen * g2 * wp.sqrt(grazing)
    diffuse = wp.cw_mul(albedo + (albedo + wp.vec3(0.12, 0.12, 0.12)) * fuzz, light)
    r = direction + n * (2.0 * ndv)
    gleam = surrounding(w, p, r, s.rough, s.metal, foot)
    fresnel = g2 * g2 * grazing * wp.min(s.spec, 1.0)
    f0 = mix(wp.vec3(0.05, 0.05, 0.05) * s.spec, albedo, s.metal)
    reflect = f0 + (wp.vec3(1.0, 1.0, 1.0) - f0) * (fresnel * (1.0 - 0.75 * s.rough))
    h = wp.normalize(w.key_dir - direction)
    a = wp.max(s.rough * s.rough, 0.02)
    ndh = wp.max(wp.dot(n, h), 0.0)
    den = ndh * ndh * (a * a - 1.0) + 1.0
    lobe = wp.min(a * a / (3.14159 * den * den), 12.0) * 0.22 * lambert
    specular = wp.cw_mul(reflect, gleam) * wp.min(open_ + 0.15, 1.0)
    specular = specular + wp.cw_mul(f0 + wp.vec3(0.02, 0.02, 0.02) * s.spec, w.key) * lobe
    return diffuse * (1.0 - 0.88 * s.metal), specular


@wp.func
def film(c: wp.vec3):
    """Filmic tone curve (Narkowicz 2015 fit of ACES) and sRGB-like gamma; linear in, display [0, 1] out."""
    out = wp.vec3()
    for i in range(3):
        v = wp.max(c[i], 0.0)
        v = v * (2.51 * v + 0.03) / (v * (2.43 * v + 0.59) + 0.14)
        out[i] = wp.pow(wp.clamp(v, 0.0, 1.0), 1.0 / 2.2)
    return out
