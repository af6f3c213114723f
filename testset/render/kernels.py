"""The kernels that trace: one ray per pixel, and more where the picture has edges.

All write display-referred RGB in [0, 1]; `aux` holds (normal, distance) of the first hit per pixel, distance 0 for the
backdrop; `ids` holds the body hit (0, 1, ...), -1 for the floor, -2 for the backdrop.
"""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

from testset.render.field import FAR, march, normal, occlusion, scene_distance, shadow, to_body
from testset.render.layout import Body, Camera, Part, Surface, World
from testset.render.noise import mix, ramp
from testset.render.shade import backdrop, film, floor_colour, floor_end, lit
from testset.render.surface import label_at, surface_at

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
    words: wp.array3d(dtype=float),
    frame: int,
    p: wp.vec3,
    n: wp.vec3,
    direction: wp.vec3,
    slot: int,
    foot: float,
    full: int,
):
    """(linear RGB, transmission) of a body at p; `foot` is the width of a pixel there."""
    s = surfaces[slot]
    b = body_of(world, bodies, slot)
    a = yaw[b, frame]
    q = to_body(bodies[b], a, p)
    c = wp.cos(a)
    k = wp.sin(a)
    nb = wp.vec3(c * n[0] - k * n[2], n[1], k * n[0] + c * n[2])
    albedo, bent = surface_at(s, q, nb, foot)
    label = wp.vec2(0.0, 0.0)
    if bodies[b].label >= 0 and bodies[b].slot0 + bodies[b].label_slot == slot and nb[2] > 0.1 and q[2] > 0.0:
        label = label_at(words, bodies[b], q, foot)
        albedo = mix(albedo, mix(wp.vec3(0.72, 0.7, 0.64), wp.vec3(0.02, 0.02, 0.03), label[1]), label[0])
        s.metal = s.metal * (1.0 - label[0])
        s.rough = s.rough + (0.5 - s.rough) * label[0]
        s.transmission = s.transmission * (1.0 - label[0])
        bent = wp.normalize(mix(bent, nb, label[0]))
    m = wp.vec3(c * bent[0] + k * bent[2], bent[1], -k * bent[0] + c * bent[2])
    seen = float(1.0)
    open_ = float(0.8)
    if full == 1:
        if wp.dot(m, world.key_dir) > 0.0:
            seen = shadow(world, bodies, parts, yaw, frame, p + n * 0.01, world.key_dir, -2)
        open_ = occlusion(world, bodies, parts, yaw, frame, p, n)
    diffuse, specular = lit(world, s, albedo, p, m, direction, seen, open_, foot)
    c3 = diffuse * (1.0 - s.transmission) + specular
    return wp.vec4(c3[0], c3[1], c3[2], s.transmission)


@wp.func
def shade_floor(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    words: wp.array3d(dtype=float),
    frame: int,
    origin: wp.vec3,
    direction: wp.vec3,
    t: float,
    gone: float,
):
    p = origin + direction * t
    n = wp.vec3(0.0, 1.0, 0.0)
    behind = backdrop(world, origin, direction)
    fade = floor_end(world, p)
    if fade >= 1.0:
        return behind
    albedo = floor_colour(world, p[0], p[2], (gone + t) * world.pixel)
    start = p + n * 0.004
    seen = shadow(world, bodies, parts, yaw, frame, start, world.key_dir, -2)
    key = world.key * seen
    if world.glass >= 0 and seen < 1.0:  # glass throws a light shadow of its own colour
        past = shadow(world, bodies, parts, yaw, frame, start, world.key_dir, world.glass) - seen
        tint = mix(surfaces[world.glass].albedo, wp.vec3(1.0, 1.0, 1.0), 0.25)
        key = key + wp.cw_mul(world.key, tint) * (0.75 * wp.max(past, 0.0))
    open_ = float(1.0)
    if scene_distance(world, bodies, parts, yaw, frame, p, -2)[0] < 0.35:
        open_ = occlusion(world, bodies, parts, yaw, frame, p, n)
    sky = mix(world.low, world.high, 0.6) * 0.6 + wp.vec3(0.35, 0.35, 0.35)
    c = wp.cw_mul(albedo, key * (0.95 * wp.max(world.key_dir[1], 0.0)) + sky * (world.ambient * open_))
    if world.floor_gloss > 0.0:
        r = wp.vec3(direction[0], -direction[1], direction[2])
        grazing = 1.0 - r[1]
        f = world.floor_gloss * (0.25 + 0.75 * grazing * grazing * grazing)
        mirrored = mix(world.low, world.high, wp.clamp(0.3 + r[1], 0.0, 1.0))  # a floor is too rough for more
        again = march(world, bodies, parts, yaw, frame, p + n * 0.01, r, FAR, -2)
        if again[1] >= 0.0:
            q = p + n * 0.01 + r * again[0]
            m = normal(world, bodies, parts, yaw, frame, q, -2)
            foot = (gone + t + again[0]) * world.pixel
            at = int(again[1] + 0.5)
            seen_there = shade_body(world, bodies, parts, surfaces, yaw, words, frame, q, m, r, at, foot, 0)
            here = wp.vec3(seen_there[0], seen_there[1], seen_there[2])
            here = here + wp.cw_mul(surfaces[at].albedo, mirrored) * seen_there[3]  # through glass
            mirrored = mix(mirrored, here, wp.exp(-1.6 * again[0]))  # and blurs what stands off it
        c = mix(c, mirrored, f)
    return mix(c, behind, fade)


@wp.func
def trace(
    world: World,
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    words: wp.array3d(dtype=float),
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
    start = origin
    gone = float(0.0)
    skip = int(-2)
    layers = int(3)
    for layer in range(layers):
        floor_t = float(FAR)
        if direction[1] < -1.0e-4:
            floor_t = -start[1] / direction[1]
        hit = march(world, bodies, parts, yaw, frame, start, direction, floor_t, skip)
        if hit[1] >= 0.0:
            slot = int(hit[1] + 0.5)
            p = start + direction * hit[0]
            n = normal(world, bodies, parts, yaw, frame, p, skip)
            foot = (gone + hit[0]) * world.pixel
            found = shade_body(world, bodies, parts, surfaces, yaw, words, frame, p, n, direction, slot, foot, 1)
            c = wp.vec3(found[0], found[1], found[2])
            if layer == 0:
                out.id = body_of(world, bodies, slot) - world.first_body
                out.distance = hit[0]
                out.normal = n
            clear = found[3]
            total = total + wp.cw_mul(through, c)
            if clear <= 0.0 or layer == 2:
                break
            ndv = wp.clamp(-wp.dot(n, direction), 0.0, 1.0)
            # A wall is thicker where it is looked at aslant: the tint is deepest along the outline.
            tint = mix(surfaces[slot].albedo, wp.vec3(1.0, 1.0, 1.0), 0.22)
            edge = ramp(0.75, 0.1, ndv)
            tint = mix(tint, wp.cw_mul(tint, surfaces[slot].albedo), 0.75 * edge)
            through = wp.cw_mul(through, tint) * (clear * (1.0 - 0.45 * edge * edge))
            # Through the near and far wall of a vessel: shifted more the more aslant it is looked at.
            direction = wp.normalize(direction - n * (0.3 * (1.0 - ndv)))
            skip = slot
            start = p
            gone += hit[0]
        else:
            if direction[1] < -1.0e-4:
                c = shade_floor(world, bodies, parts, surfaces, yaw, words, frame, start, direction, floor_t, gone)
                if layer == 0 and floor_end(world, start + direction * floor_t) < 0.5:
                    out.id = -1
                    out.distance = floor_t
                    out.normal = wp.vec3(0.0, 1.0, 0.0)
            else:
                c = backdrop(world, start, direction)
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


@wp.func
def pixel(tile: int, lane: int, width: int):
    """(x, y) of a lane of a tile: the 32 threads of a warp see 8 x 4 pixels, whose rays go much the same way."""
    across = (width + 7) // 8
    return wp.vec2i((tile % across) * 8 + lane % 8, (tile // across) * 4 + lane // 8)


@wp.kernel
def first_pass(
    worlds: wp.array(dtype=World),
    cameras: wp.array2d(dtype=Camera),
    bodies: wp.array(dtype=Body),
    parts: wp.array(dtype=Part),
    surfaces: wp.array(dtype=Surface),
    yaw: wp.array2d(dtype=float),
    words: wp.array3d(dtype=float),
    height: int,
    width: int,
    rgb: wp.array4d(dtype=wp.vec3),
    aux: wp.array4d(dtype=wp.vec4),
    ids: wp.array4d(dtype=wp.int8),
):
    b, t, tile, lane = wp.tid()
    at = pixel(tile, lane, width)
    x = at[0]
    y = at[1]
    if x >= width or y >= height:
        return
    world = worlds[b]
    camera = cameras[b, t]
    ray = ray_of(camera, float(x) + 0.5, float(y) + 0.5, width, height)
    hit = trace(world, bodies, parts, surfaces, yaw, words, t, camera.eye, ray)
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
    b, t, tile, lane = wp.tid()
    at = pixel(tile, lane, width)
    x = at[0]
    y = at[1]
    if x >= width or y >= height:
        return
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
    words: wp.array3d(dtype=float),
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
            total = total + film(
                trace(world, bodies, parts, surfaces, yaw, words, t, camera.eye, ray).colour * world.exposure
            )
    out[b, t, y, x] = total / (n * n)
