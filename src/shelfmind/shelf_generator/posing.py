"""Rotates a package and renders it from above or below: RGBA pictures of bodies of revolution, solids and bags."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.arrays import Floats
from shelfmind.shelf_generator.homography import Points, warp
from shelfmind.shelf_generator.package import STEP, Bag, Package, Round, Solid, rgba
from shelfmind.shelf_generator.round_packages import WRAP

_STEPS = np.linspace(-1, 1, 1024, dtype=np.float32)  # positions across a round body, from outline to outline
_DEPTH = np.sqrt(1 - _STEPS * _STEPS)
_LIGHT = 0.46 + 0.6 * np.clip(0.42 * -_STEPS + 0.9 * _DEPTH, 0, 1)
_STREAKS = np.exp(-(((_STEPS + 0.5) / 0.08) ** 2)) + 0.45 * np.exp(-(((_STEPS - 0.72) / 0.06) ** 2))
_STREAKS += 0.35 * np.exp(-(((_STEPS + 0.93) / 0.04) ** 2))
DISTANCE = 5.0  # of the camera from a solid, in units of its long side


def posed(package: Package, yaw: float, pitch: float, height_px: float, crumple: int) -> Image.Image:
    """The package turned by `yaw` and seen from `pitch` above (radians), as RGBA cropped to about its outline.

    It is rendered from the smallest texture that is at least `height_px` high, its height in the photo; `crumple` seeds
    the folds of a bag.
    """
    level = 0
    while level + 1 < len(package.shapes) and package.height * STEP ** (level + 1) >= height_px:
        level += 1
    shape = package.shapes[level]
    if isinstance(shape, Round):
        return _round(shape, yaw, pitch)
    if isinstance(shape, Solid):
        return _solid(shape, yaw, pitch)
    return _bag(shape, yaw, pitch, np.random.default_rng(crumple))


def _round(shape: Round, yaw: float, pitch: float) -> Image.Image:
    """Project the texture of a body of revolution; circles become ellipses, and the lid is visible from above."""
    height, skin_width, _ = shape.skin.shape
    bow = 0.5 * shape.width * float(np.sin(pitch))
    lift, drop = int(np.ceil(max(bow, 0) * float(shape.radius[0]))), int(np.ceil(max(bow, 0)))
    y = np.arange(-lift, height + drop, dtype=np.float32)[:, None]
    x = ((np.arange(shape.width, dtype=np.float32) + 0.5) / shape.width * 2 - 1)[None, :]
    near = np.clip(y[:, 0], 0, height - 1).astype(np.intp)
    r = shape.radius[near][:, None]
    s = x / r
    step = ((np.clip(s, -1, 1) + 1) * 511.5).astype(np.intp)
    sag = (bow * r) * _DEPTH[step]
    row = y - sag
    inside = np.clip((1 - np.abs(s)) * r * (shape.width / 2) + 0.5, 0, 1)
    top = row + 0.5 + 2 * sag if bow > 0 else row + 0.5
    alpha = inside * np.clip(top, 0, 1) * np.clip(height - row, 0, 1)
    columns = np.clip(((np.arcsin(_STEPS) + yaw) / WRAP + 1) / 2 * skin_width, 0, skin_width - 1).astype(np.intp)
    rows = np.clip(row, 0, height - 1).astype(np.intp)
    pixels = shape.skin[rows, columns[step]].astype(np.float32)
    pixels *= _LIGHT[step][..., None]
    pixels += (150 * shape.gloss[near][:, None] * _STREAKS[step])[..., None]
    lid = row < 0
    if lid.any():
        pixels[lid] = np.array(shape.lid, np.float32) * (1.02 + 0.14 * np.broadcast_to(s, lid.shape)[lid][:, None])
    return rgba(pixels, alpha)


def _solid(shape: Solid, yaw: float, pitch: float) -> Image.Image:
    """Project every face that faces the camera, from back to front."""
    turn = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    nod = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
    corners = np.stack([face.corners for face in shape.faces])  # (faces, 4, 3)
    middle = (corners.reshape(-1, 3).min(0) + corners.reshape(-1, 3).max(0)) / 2
    placed = (corners - middle) @ (nod @ turn).T
    distance = DISTANCE * float(np.ptp(corners.reshape(-1, 3), axis=0).max())
    flat = placed[..., :2] * np.array([1, -1]) * (distance / (distance - placed[..., 2:]))
    low = flat.reshape(-1, 2).min(0) - 1
    flat = flat - low
    width, height = (int(np.ceil(edge)) + 1 for edge in flat.reshape(-1, 2).max(0))
    canvas = Image.new("RGBA", (width, height))
    shown = [i for i in np.argsort(placed[..., 2].mean(1)) if _towards_viewer(flat[i])]
    draw = ImageDraw.Draw(canvas)
    for i in shown:  # an edge in the colour of the board, to close the seams
        draw.polygon([(float(px), float(py)) for px, py in flat[i]], fill=(*shape.faces[i].edge, 255))
    for i in shown:
        corner = np.maximum(np.floor(flat[i].min(0)) - 1, 0)
        wide, high = (int(edge) for edge in np.ceil(flat[i].max(0)) + 2 - corner)
        face = _warped(shape.faces[i].picture, flat[i] - corner, (wide, high))
        canvas.alpha_composite(face, (int(corner[0]), int(corner[1])))
    return canvas


def _towards_viewer(quad: Points) -> bool:
    """Whether corners listed from the top left are clockwise in the picture, and the face is not seen edge-on."""
    (ax, ay), (bx, by) = quad[2] - quad[0], quad[3] - quad[1]
    return bool(ax * by - ay * bx > 2.0)


def _warped(picture: Image.Image, quad: Points, size: tuple[int, int]) -> Image.Image:
    """A face's picture mapped to four corners."""
    right, bottom = picture.width - 1, picture.height - 1  # without the transparent border
    return warp(picture, np.array([(1, 1), (right, 1), (right, bottom), (1, bottom)], np.float64), quad, size)


def _bag(shape: Bag, yaw: float, pitch: float, rng: np.random.Generator) -> Image.Image:
    """A bulging bag with highlights and random folds; crimped ends or sides, or a base to stand on."""
    height, width = shape.skin.shape[:2]
    narrow = max(8, round(width * np.cos(yaw))), max(8, round(height * np.cos(pitch)))
    skin = np.asarray(Image.fromarray(shape.skin).resize(narrow, Image.Resampling.BILINEAR))
    if shape.closed == "sides":
        skin = skin.transpose(1, 0, 2)
    height, width = skin.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    coarse = Image.fromarray(rng.normal(0, 1, (9, 7)).astype(np.float32))
    folds = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    lens = ((x + 0.07 * np.sin(np.pi * x) + 0.012 * folds) * 0.5 + 0.5) * (width - 1)
    slid = (y * 0.5 + 0.5) * (height - 1) + 0.012 * height * folds * (1 - np.abs(y))
    pixels = skin[np.clip(slid, 0, height - 1).astype(np.intp), np.clip(lens, 0, width - 1).astype(np.intp)].astype(
        np.float32
    )
    bulge = 0.7 + 0.42 * np.sqrt(np.clip(1 - np.abs(x + 0.15 + 0.5 * yaw) ** 3, 0, 1)) * np.sqrt(
        np.clip(1 - y**6, 0, 1)
    )
    light = bulge + 0.1 * folds * (0.4 + y**2)
    alpha = _closed(shape, light, folds, x, y)
    shine = shape.gloss * (np.clip(folds - 0.8, 0, 1) + 0.7 * np.exp(-(((x + 0.55) / 0.1) ** 2)) * (1 - y**4))
    pixels *= light[..., None]
    pixels += 200 * shine[..., None]
    if shape.closed == "sides":
        return rgba(pixels.transpose(1, 0, 2).copy(), alpha.T)
    return rgba(pixels, alpha)


def _closed(shape: Bag, light: Floats, folds: Floats, x: Floats, y: Floats) -> Floats:
    """Shade the seams of a bag in `light`, and return its outline."""
    height, width = light.shape
    crimped = (y < -0.88) if shape.closed == "standing" else (np.abs(y) > 0.9)
    ribs = 0.82 + 0.12 * np.cos(np.arange(height, dtype=np.float32)[:, None] * (1.8 if height > 120 else 2.6))
    np.copyto(light, np.broadcast_to(ribs, light.shape), where=np.broadcast_to(crimped, light.shape))
    if shape.closed == "standing":
        edge = 0.95 + 0.05 * np.clip(y, 0, 1) ** 2 - 0.01 * np.abs(folds)
        foot = y > 0.8 + 0.1 * x * x
        light *= np.where(foot, 0.72, 1.0)
        zip_line = (np.abs(y + 0.74) < 0.012) | (np.abs(y + 0.7) < 0.008)
        light *= np.where(zip_line, 0.8, 1.0)
        outline = np.clip((edge - np.abs(x)) * width / 2 + 0.5, 0, 1)
        return np.asarray(outline * (y <= 1 - 0.06 * x * x), np.float32)
    edge = 0.93 + 0.07 * y**2 - 0.012 * np.abs(folds)
    teeth = 1 - 0.014 * (np.arange(width)[None, :] % 6 < 3)
    return np.asarray(np.clip((edge - np.abs(x)) * width / 2 + 0.5, 0, 1) * (np.abs(y) <= teeth), np.float32)
