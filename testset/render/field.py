"""Signed distances: primitives, bodies, and the three marches (primary ray, shadow, occlusion).

Primitive formulas are the standard ones (Quilez, "Distance functions"); ellipsoids use his bound, which
over-estimates slightly, hence the step factor below 1 in `march`.
"""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

from testset.render.layout import BOX, CAPSULE, CONE, ELLIPSOID, SUBTRACT, TORUS, Body, Part, World

wp.set_module_options({"enable_backward": False, "fast_math": True})

FAR = wp.constant(1.0e4)


@wp.func
def sd_box(p: wp.vec3, half: wp.vec3, r: float):
    q = wp.vec3(wp.abs(p[0]) - half[0] + r, wp.abs(p[1]) - half[1] + r, wp.abs(p[2]) - half[2] + r)
    outside = wp.length(wp.vec3(wp.max(q[0], 0.0), wp.max(q[1], 0.0), wp.max(q[2], 0.0)))
    return outside + wp.min(wp.max(q[0], wp.max(q[1], q[2])), 0.0) - r


@wp.func
def sd_cone(p: wp.vec3, half: float, low: float, high: float, r: float):
    h = half - r
    r1 = low - r
    r2 = high - r
    x = wp.sqrt(p[0] * p[0] + p[2] * p[2])
    y = p[1]
    kx = r2 - r1
    ky = 2.0 * h
    end = r2
    if y < 0.0:
        end = r1
    ax = x - wp.min(x, end)
    ay = wp.abs(y) - h
    t = wp.clamp(((r2 - x) * kx + (h - y) * ky) / (kx * kx + ky * ky), 0.0, 1.0)
    bx = x - r2 + kx * t
    by = y - h + ky * t
    sign = 1.0
    if bx < 0.0 and ay < 0.0:
        sign = -1.0
    return sign * wp.sqrt(wp.min(ax * ax + ay * ay, bx * bx + by * by)) - r


@wp.func
def sd_torus(p: wp.vec3, ring: float, tube: float, opening: float):
    if opening > 0.0:  # an arc: the part of the ring within `opening` of +z
        x = wp.abs(p[0])
        sx = wp.sin(opening)
        cz = wp.cos(opening)
        k = wp.sqrt(x * x + p[2] * p[2])
        if cz * x > sx * p[2]:
            k = x * sx + p[2] * cz
        return wp.sqrt(wp.max(wp.dot(p, p) + ring * ring - 2.0 * ring * k, 0.0)) - tube
    rho = wp.sqrt(p[0] * p[0] + p[2] * p[2]) - ring
    return wp.sqrt(rho * rho + p[1] * p[1]) - tube


@wp.func
def sd_ellipsoid(p: wp.vec3, axes: wp.vec3):
    q = wp.cw_div(p, axes)
    k0 = wp.length(q)
    k1 = wp.length(wp.cw_div(q, axes))
    return k0 * (k0 - 1.0) / wp.max(k1, 1.0e-4)


@wp.func
def sd_capsule(p: wp.vec3, half: float, r: float):
    return wp.length(wp.vec3(p[0], p[1] - wp.clamp(p[1], -half, half), p[2])) - r


@wp.func
def folded(part: Part, p: wp.vec3):
    q = p
    if (part.fold & 1) != 0:
        q = wp.vec3(wp.abs(q[0]), q[1], q[2])
    if (part.fold & 2) != 0:
        q = wp.vec3(q[0], q[1], wp.abs(q[2]))
    return q - part.at


@wp.func
def part_distance(part: Part, from_at: wp.vec3):
    """Distance to a part from a point given relative to the part's own place."""
    p = wp.quat_rotate_inv(part.rot, from_at)
    s = part.size
    d = float(FAR)
    if part.shape == BOX:
        d = sd_box(p, wp.vec3(s[0], s[1], s[2]), s[3])
    elif part.shape == CONE:
        d = sd_cone(p, s[0], s[1], s[2], s[3])
    elif part.shape == TORUS:
        d = sd_torus(p, s[0], s[1], s[2])
    elif part.shape == ELLIPSOID:
        d = sd_ellipsoid(p, wp.vec3(s[0], s[1], s[2]))
    elif part.shape == CAPSULE:
        d = sd_capsule(p, s[0], s[1])
    return d


@wp.func
def to_body(body: Body, yaw: float, p: wp.vec3):
    q = p - body.at
    c = wp.cos(yaw)
    s = wp.sin(yaw)
    return wp.vec3(c * q[0] - s * q[2], q[1], s * q[0] + c * q[2])


@wp.func
def box_bound(p: wp.vec3, half: wp.vec3):
    """Distance to a box, 0 inside: what a body can at least be away."""
    return wp.length(
        wp.vec3(
            wp.max(wp.abs(p[0]) - half[0], 0.0),
            wp.max(wp.abs(p[1]) - half[1], 0.0),
            wp.max(wp.abs(p[2]) - half[2], 0.0),
        )
    )


@wp.func
def scene_distance(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    yaw: wp.array2d(dtype=float),
    frame: int,
    p: wp.vec3,
    skip_slot: int,
):
    """(distance, slot): the nearest surface that is not of `skip_slot` (glass already passed), or FAR."""
    best = float(FAR)
    slot = float(-1.0)
    for i in range(world.bodies):
        b = world.first_body + i
        body = bodies[b]
        q = to_body(body, yaw[b, frame], p)
        bound = box_bound(q - body.centre, body.half)
        if bound > 0.1:
            if bound < best:
                best = bound
        elif bound < best:
            d = float(FAR)
            s = float(-1.0)
            for j in range(body.count):
                part = parts[body.first + j]
                from_at = folded(part, q)
                far = wp.length(from_at) - part.reach  # no part is nearer than its sphere: most stop here
                if body.slot0 + part.slot != skip_slot and far < wp.abs(d) + part.blend:
                    e = part_distance(part, from_at)
                    if part.op == SUBTRACT:
                        d = wp.max(d, -e)
                    else:
                        if e < d:
                            s = float(body.slot0 + part.slot)
                        k = part.blend
                        if k > 0.0 and d < FAR:
                            h = wp.max(k - wp.abs(d - e), 0.0) / k
                            d = wp.min(d, e) - h * h * k * 0.25
                        else:
                            d = wp.min(d, e)
            if d < best:
                best = d
                slot = s
    return wp.vec2(best, slot)


@wp.func
def interval(
    world: World,
    bodies: wp.array(dtype=Body),
    yaw: wp.array2d(dtype=float),
    frame: int,
    origin: wp.vec3,
    direction: wp.vec3,
):
    """(near, far) along the ray within which any body's bounding box lies; near > far where it misses all."""
    near = float(FAR)
    far = float(-1.0)
    for i in range(world.bodies):
        b = world.first_body + i
        body = bodies[b]
        o = to_body(body, yaw[b, frame], origin) - body.centre
        d = to_body(body, yaw[b, frame], direction + body.at)
        enter = float(0.01)
        leave = float(FAR)
        for k in range(3):
            slope = d[k]
            if wp.abs(slope) < 1.0e-6:
                slope = 1.0e-6
            a = (-body.half[k] - o[k]) / slope
            c = (body.half[k] - o[k]) / slope
            enter = wp.max(enter, wp.min(a, c))
            leave = wp.min(leave, wp.max(a, c))
        if enter < leave:
            near = wp.min(near, enter)
            far = wp.max(far, leave)
    return wp.vec2(near, far)


@wp.func
def march(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    yaw: wp.array2d(dtype=float),
    frame: int,
    origin: wp.vec3,
    direction: wp.vec3,
    limit: float,
    skip_slot: int,
):
    """(distance along the ray, slot) of the first hit before `limit`; slot -1 where there is none."""
    span = interval(world, bodies, yaw, frame, origin, direction)
    t = span[0]
    end = wp.min(span[1], limit)
    slot = float(-1.0)
    for _ in range(96):
        if t >= end:
            break
        hit = scene_distance(world, bodies, parts, yaw, frame, origin + direction * t, skip_slot)
        if hit[0] < 0.0004 * t:
            slot = hit[1]
            break
        t += 0.9 * hit[0]
    return wp.vec2(t, slot)


@wp.func
def shadow(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    yaw: wp.array2d(dtype=float),
    frame: int,
    origin: wp.vec3,
    direction: wp.vec3,
    skip_slot: int,
):
    """Share of an area light seen from `origin`, in [0, 1]: the narrowest cone along the ray, past `skip_slot`."""
    span = interval(world, bodies, yaw, frame, origin, direction)
    seen = float(1.0)
    t = wp.max(span[0], 0.02)
    for _ in range(32):
        if t >= span[1] or seen < 0.004:
            break
        d = scene_distance(world, bodies, parts, yaw, frame, origin + direction * t, skip_slot)[0]
        seen = wp.min(seen, wp.clamp(0.5 + 0.5 * d / (world.softness * t), 0.0, 1.0))
        t += wp.clamp(d, 0.03, 0.3)
    return seen * seen * (3.0 - 2.0 * seen)


@wp.func
def normal(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    yaw: wp.array2d(dtype=float),
    frame: int,
    p: wp.vec3,
    skip_slot: int,
):
    """Unit normal by four taps on a tetrahedron (looped: unrolled, the field would be inlined four times)."""
    n = wp.vec3(0.0, 0.0, 0.0)
    taps = int(4)
    for i in range(taps):
        e = wp.vec3(float(((i + 3) >> 1) & 1) * 2.0 - 1.0, float((i >> 1) & 1) * 2.0 - 1.0, float(i & 1) * 2.0 - 1.0)
        n += e * scene_distance(world, bodies, parts, yaw, frame, p + e * 0.0012, skip_slot)[0]
    return wp.normalize(n)


@wp.func
def occlusion(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    yaw: wp.array2d(dtype=float),
    frame: int,
    p: wp.vec3,
    n: wp.vec3,
):
    """Ambient visibility in [0.12, 1] from four taps along the normal, the floor included."""
    lost = float(0.0)
    weight = float(1.0)
    taps = int(4)
    for i in range(taps):
        step = 0.05 + 0.075 * float(i)
        q = p + n * step
        d = scene_distance(world, bodies, parts, yaw, frame, q, -2)[0]
        if n[1] < 0.95:
            d = wp.min(d, wp.max(q[1], 0.0))
        lost += weight * wp.max(step - d, 0.0)
        weight *= 0.7
    return wp.clamp(1.0 - 1.9 * lost, 0.12, 1.0)
