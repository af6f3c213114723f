"""The kernels: one ray per pixel, more where the picture has edges, and the styles.

All write display-referred RGB in [0, 1]; `aux` holds (normal, distance) of the first hit per pixel, distance 0 for the
backdrop; `ids` holds the body hit (0, 1, ...), -1 for the floor, -2 for the backdrop.
"""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

from testset.render.field import FAR, march, normal, occlusion, scene_distance, shadow, to_body
from testset.render.layout import (
    CEL,
    NO_STYLE,
    PENCIL,
    POP_ART,
    VINTAGE,
    WATERCOLOUR,
    Body,
    Camera,
    Part,
    Surface,
    World,
)
from testset.render.shade import (
    backdrop,
    film,
    floor_colour,
    hash2,
    lit,
    mix,
    ramp,
    surface_bump,
    surface_colour,
)

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.struct
class Hit:
    """What one ray found."""

    colour: wp.vec3
    normal: wp.vec3
    distance: wp.float32
    id: wp.int32


@wp.func
def body_of(world: World, bodies: wp.array(dtype=Body), slot: int):
    found = world.first_body
    for i in range(world.bodies):
        b = world.first_body + i
        if slot >= bodies[b].slot0:
            found = b
    return found


@wp.func
def shade_body(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    frame: int,
    p: wp.vec3,
    n: wp.vec3,
    direction: wp.vec3,
    slot: int,
    full: int,
):
    s = surfaces[slot]
    b = body_of(world, bodies, slot)
    a = yaw[b, frame]
    q = to_body(bodies[b], a, p)
    albedo = surface_colour(s, q)
    m = n
    if s.bump > 0.0:
        c = wp.cos(a)
        k = wp.sin(a)
        nb = surface_bump(s, q, wp.vec3(c * n[0] - k * n[2], n[1], k * n[0] + c * n[2]))
        m = wp.vec3(c * nb[0] + k * nb[2], nb[1], -k * nb[0] + c * nb[2])
    seen = float(1.0)
    open_ = float(0.8)
    if full == 1:
        seen = shadow(world, bodies, parts, yaw, frame, p + n * 0.01, world.key_dir)
        open_ = occlusion(world, bodies, parts, yaw, frame, p, n)
    return lit(world, s, albedo, m, direction, seen, open_)


@wp.func
def shade_floor(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    frame: int,
    origin: wp.vec3,
    direction: wp.vec3,
    t: float,
):
    p = origin + direction * t
    n = wp.vec3(0.0, 1.0, 0.0)
    radial = wp.sqrt(p[0] * p[0] + p[2] * p[2])
    behind = backdrop(world, origin, direction)
    fade = ramp(world.fade0, world.fade1, radial)
    if fade >= 1.0:
        return behind
    albedo = floor_colour(world, p[0], p[2], t)
    seen = shadow(world, bodies, parts, yaw, frame, p + n * 0.004, world.key_dir)
    open_ = float(1.0)
    if scene_distance(world, bodies, parts, yaw, frame, p, -2)[0] < 0.35:
        open_ = occlusion(world, bodies, parts, yaw, frame, p, n)
    lambert = wp.max(world.key_dir[1], 0.0) * seen
    sky = mix(world.low, world.high, 0.6) * 0.6 + wp.vec3(0.35, 0.35, 0.35)
    c = wp.cw_mul(albedo, world.key * (0.95 * lambert) + sky * (world.ambient * open_))
    if world.floor_gloss > 0.0:
        r = wp.vec3(direction[0], -direction[1], direction[2])
        grazing = 1.0 - r[1]
        f = world.floor_gloss * (0.25 + 0.75 * grazing * grazing * grazing)
        mirrored = backdrop(world, p, r)
        again = march(world, bodies, parts, yaw, frame, p + n * 0.01, r, FAR, -2)
        if again[1] >= 0.0:
            q = p + n * 0.01 + r * again[0]
            m = normal(world, bodies, parts, yaw, frame, q, -2)
            mirrored = shade_body(world, bodies, parts, surfaces, yaw, frame, q, m, r, int(again[1] + 0.5), 0)
        c = mix(c, mirrored, f)
    return mix(c, behind, fade)


@wp.func
def trace(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    frame: int,
    origin: wp.vec3,
    ray: wp.vec3,
):
    """Follow one ray, through at most two layers of glass; linear RGB and the first surface met."""
    out = Hit()
    out.id = -2
    out.distance = 0.0
    out.normal = wp.vec3(0.0, 0.0, 0.0)
    through = wp.vec3(1.0, 1.0, 1.0)
    total = wp.vec3(0.0, 0.0, 0.0)
    direction = ray
    skip = int(-2)
    layers = int(3)
    for layer in range(layers):
        floor_t = float(FAR)
        if direction[1] < -1.0e-4:
            floor_t = -origin[1] / direction[1]
        hit = march(world, bodies, parts, yaw, frame, origin, direction, floor_t, skip)
        if hit[1] >= 0.0:
            slot = int(hit[1] + 0.5)
            p = origin + direction * hit[0]
            n = normal(world, bodies, parts, yaw, frame, p, skip)
            c = shade_body(world, bodies, parts, surfaces, yaw, frame, p, n, direction, slot, 1)
            if layer == 0:
                out.id = body_of(world, bodies, slot) - world.first_body
                out.distance = hit[0]
                out.normal = n
            clear = surfaces[slot].transmission
            if clear <= 0.0 or layer == 2:
                total = total + wp.cw_mul(through, c)
                break
            ndv = wp.clamp(-wp.dot(n, direction), 0.0, 1.0)
            clear = clear * (0.25 + 0.75 * ramp(0.0, 0.55, ndv))
            total = total + wp.cw_mul(through, c) * (1.0 - clear)
            tint = surfaces[slot].albedo
            through = wp.cw_mul(through, mix(tint, wp.vec3(1.0, 1.0, 1.0), 0.35)) * clear
            direction = wp.normalize(direction - n * (0.12 * ndv))
            skip = slot
        else:
            if direction[1] < -1.0e-4:
                c = shade_floor(world, bodies, parts, surfaces, yaw, frame, origin, direction, floor_t)
                if layer == 0:
                    q = origin + direction * floor_t
                    if wp.sqrt(q[0] * q[0] + q[2] * q[2]) < world.fade0:
                        out.id = -1
                        out.distance = floor_t
                        out.normal = wp.vec3(0.0, 1.0, 0.0)
            else:
                c = backdrop(world, origin, direction)
            total = total + wp.cw_mul(through, c)
            break
    out.colour = total
    return out


@wp.func
def ray_of(camera: Camera, x: float, y: float, width: int, height: int):
    m = float(wp.min(width, height))
    sx = (2.0 * x - float(width)) / m
    sy = (float(height) - 2.0 * y) / m
    return wp.normalize(camera.forward + camera.right * sx + camera.up * sy)


@wp.kernel
def first_pass(
    worlds: wp.array(dtype=World),
    cameras: wp.array2d(dtype=Camera),
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    height: int,
    width: int,
    rgb: wp.array4d(dtype=wp.vec3),
    aux: wp.array4d(dtype=wp.vec4),
    ids: wp.array4d(dtype=wp.int8),
):
    b, t, y, x = wp.tid()
    world = worlds[b]
    camera = cameras[b, t]
    ray = ray_of(camera, float(x) + 0.5, float(y) + 0.5, width, height)
    hit = trace(world, bodies, parts, surfaces, yaw, t, camera.eye, ray)
    rgb[b, t, y, x] = film(hit.colour * world.exposure)
    aux[b, t, y, x] = wp.vec4(hit.normal[0], hit.normal[1], hit.normal[2], hit.distance)
    ids[b, t, y, x] = wp.int8(hit.id)


@wp.func
def contrast(a: wp.vec3, b: wp.vec3):
    d = a - b
    return wp.max(wp.abs(d[0]), wp.max(wp.abs(d[1]), wp.abs(d[2])))


@wp.kernel
def find_edges(
    height: int,
    width: int,
    threshold: float,
    rgb: wp.array4d(dtype=wp.vec3),
    ids: wp.array4d(dtype=wp.int8),
    out: wp.array4d(dtype=wp.vec3),
    queue: wp.array(dtype=wp.int32),
    count: wp.array(dtype=wp.int32),
):
    """Copy every pixel, and queue those that differ from a neighbour: rays go where the queue says, in full warps."""
    b, t, y, x = wp.tid()
    here = rgb[b, t, y, x]
    me = ids[b, t, y, x]
    edge = int(0)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            v = wp.clamp(y + dy, 0, height - 1)
            u = wp.clamp(x + dx, 0, width - 1)
            if ids[b, t, v, u] != me or contrast(rgb[b, t, v, u], here) > threshold:
                edge = 1
    out[b, t, y, x] = here
    if edge == 1:
        place = wp.atomic_add(count, 0, 1)
        queue[place] = ((b * rgb.shape[1] + t) * height + y) * width + x


@wp.kernel
def refine(
    worlds: wp.array(dtype=World),
    cameras: wp.array2d(dtype=Camera),
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    height: int,
    width: int,
    grid: int,
    queue: wp.array(dtype=wp.int32),
    out: wp.array4d(dtype=wp.vec3),
):
    """Replace a queued pixel by the mean of grid x grid rays."""
    index = queue[wp.tid()]
    x = index % width
    y = (index // width) % height
    clip = index // (width * height)
    t = clip % out.shape[1]
    b = clip // out.shape[1]
    world = worlds[b]
    camera = cameras[b, t]
    total = wp.vec3(0.0, 0.0, 0.0)
    n = float(grid)
    for j in range(grid):
        for i in range(grid):
            px = float(x) + (float(i) + 0.5) / n
            py = float(y) + (float(j) + 0.5) / n
            ray = ray_of(camera, px, py, width, height)
            total = total + film(trace(world, bodies, parts, surfaces, yaw, t, camera.eye, ray).colour * world.exposure)
    out[b, t, y, x] = total / (n * n)


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
        edge = outline(aux, ids, b, t, y, x, height, width, line)
        if style == WATERCOLOUR:
            c = kuwahara(rgb, b, t, y, x, height, width, 2 * r)
            c = vivid(c, 1.15)
            wash = 0.5 + 0.25 * wp.sin(fx * 0.11 + 2.0 * wp.sin(fy * 0.07)) + 0.25 * wp.sin(fy * 0.13 + fx * 0.05)
            paper = 0.985 - 0.035 * hash2(wp.floor(fx), wp.floor(fy))
            c = mix(c, wp.vec3(1.0, 0.99, 0.96), 0.16 + 0.16 * wash) * paper
            c = c * (1.0 - 0.28 * edge)
        elif style == PENCIL:
            g = luma(kuwahara(rgb, b, t, y, x, height, width, r))
            gx = luma(pick(rgb, b, t, y, x + line, height, width)) - luma(pick(rgb, b, t, y, x - line, height, width))
            gy = luma(pick(rgb, b, t, y + line, x, height, width)) - luma(pick(rgb, b, t, y - line, x, height, width))
            e = wp.max(0.85 * edge, ramp(0.05, 0.3, wp.sqrt(gx * gx + gy * gy)))
            stroke = 0.5 + 0.5 * wp.sin((fx + fy) * 0.72)
            cross = 0.5 + 0.5 * wp.sin((fx - fy) * 0.72)
            hatch = stroke * ramp(0.75, 0.3, g) * 0.55 + cross * ramp(0.42, 0.12, g) * 0.5
            v = wp.clamp(0.97 - 0.25 * (1.0 - g) - hatch * 0.6 - 0.75 * e, 0.08, 1.0)
            v = v * (0.99 - 0.03 * hash2(wp.floor(fx), wp.floor(fy)))
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
            u = (fx + fy) * 0.7071 / 9.0
            v = (fx - fy) * 0.7071 / 9.0
            du = u - wp.floor(u) - 0.5
            dv = v - wp.floor(v) - 0.5
            dot = ramp(0.06, -0.06, wp.sqrt(du * du + dv * dv) - 0.62 * ramp(0.85, 0.15, g))
            if ids[b, t, y, x] >= 0:
                bright = wp.vec3(wp.clamp(base[0], 0.0, 1.0), wp.clamp(base[1], 0.0, 1.0), wp.clamp(base[2], 0.0, 1.0))
                c = mix(mix(bright, wp.vec3(1.0, 1.0, 1.0), 0.1), bright * 0.45, dot * 0.8)
            else:
                c = mix(wp.vec3(0.98, 0.85, 0.2), wp.vec3(0.95, 0.35, 0.5), dot)
            c = mix(c, ink, 0.95 * edge)
    elif style == VINTAGE:
        g = luma(c)
        c = mix(wp.vec3(g * 1.02 + 0.06, g * 0.88 + 0.04, g * 0.66 + 0.03), c, 0.18)
        dx = float(x) / float(width) - 0.5
        dy = float(y) / float(height) - 0.5
        c = c * (1.0 - 1.1 * (dx * dx + dy * dy))
    for i in range(3):
        out[b, t, y, 3 * x + i] = wp.uint8(wp.clamp(c[i] * 255.0 + 0.5, 0.0, 255.0))
