"""Composes a package on its shelf: wall and board, neighbours, shadow, and occluders; with perspective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.homography import Points, warp
from shelfmind.shelf_generator.occluders import hide
from shelfmind.shelf_generator.package import Package
from shelfmind.shelf_generator.posing import posed
from shelfmind.shelf_generator.shot import Shot

WALLS = ((226, 226, 222), (188, 192, 198), (92, 88, 84), (206, 184, 152), (52, 56, 66), (240, 240, 240))
BOARDS = ((240, 240, 238), (176, 178, 182), (150, 112, 76), (64, 66, 70))


@dataclass(frozen=True)
class Stand:
    """The position of the package in its photo: its warped picture, and its box in pixels."""

    layer: Image.Image
    left: int
    top: int
    right: int
    base: int
    moved: Points


@dataclass(frozen=True)
class Scene:
    """A scene as RGB before camera degradations, and its measured difficulty.

    `hidden` is the occluded share of the product. `turned_deg` is the in-plane rotation of its picture (positive
    clockwise), `askew_deg` how far its sides are from a rectangle: the root of the sum of squares of the greatest
    difference in direction between opposite sides and of the deviation of the two pairs from a right angle.
    """

    picture: Image.Image
    hidden: float
    turned_deg: float
    askew_deg: float


def compose(product: Package, facings: Sequence[Package], shot: Shot, fonts: Fonts, rng: np.random.Generator) -> Scene:
    """Place a product on a shelf according to the shot.

    `facings` are the products that may stand next to it.
    """
    standing, shelf, around, hiding = rng.spawn(4)
    crumple = int(standing.integers(2**31))
    item = _posed(product, shot, crumple)
    stand = _stand(item, shot, standing)
    scene = _shelf(stand, shot, shelf)
    chosen = [facings[i] for i in around.integers(0, len(facings), 3)[: shot.neighbours]]
    neighbours = [item if one is product else _posed(one, shot, crumple + 1) for one in chosen]
    _surround(scene, stand, item, neighbours, around)
    _shadow(scene, stand, shelf)
    scene.alpha_composite(stand.layer)
    hidden = 0.0
    if shot.occlusion:
        cover = hide(stand.layer, (stand.left, stand.top, stand.right, stand.base), shot.occlusion, item, fonts, hiding)
        hidden = _hidden_share(stand.layer, cover)
        scene.alpha_composite(cover)
    return Scene(scene.convert("RGB"), hidden, *_geometry(stand.moved))


def _geometry(corners: Points) -> tuple[float, float]:
    """`turned_deg` and `askew_deg` of a picture with these corners, listed from the top left."""
    sides = np.roll(corners, -1, 0) - corners  # along the top, down the right, back along the bottom, up the left
    top, right, bottom, left = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) - np.array([0, 90, 180, -90])
    top, right, bottom, left = ((each + 180) % 360 - 180 for each in (top, right, bottom, left))
    converging = max(abs(top - bottom), abs(left - right))
    return float((top + right + bottom + left) / 4), float(np.hypot(converging, (left + right - top - bottom) / 2))


def _posed(product: Package, shot: Shot, crumple: int) -> Image.Image:
    height = 0.94 * shot.long_side_px * min(1.0, product.ratio)
    pitch = float(np.radians(shot.pitch_deg))
    return posed(product, float(np.radians(shot.yaw_deg)), pitch, height, crumple)


def _stand(item: Image.Image, shot: Shot, rng: np.random.Generator) -> Stand:
    """Warp the item's picture into a photo of the right size, cropped about as closely as photographers do."""
    width, height = item.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    moved = _askew(corners, shot, rng)
    low, high = moved.min(0), moved.max(0)
    margins = rng.uniform(-0.02, 0.06, (2, 2)) * (high - low)
    low, high = low - margins[0], high + margins[1]
    scale = shot.long_side_px / float(max(high - low))
    size = tuple(max(16, round(edge * scale)) for edge in high - low)
    target = (moved - low) * scale
    layer = warp(item, corners, target, size)
    left, top = (round(edge) for edge in target.min(0))
    return Stand(layer, left, top, round(target[:, 0].max()), round(float(target[2:, 1].mean())), moved)


def _askew(corners: Points, shot: Shot, rng: np.random.Generator) -> Points:
    """The corners displaced by perspective and rotated by the camera's tilt."""
    span = corners.max(0) - corners.min(0)
    moved = corners + rng.uniform(-1, 1, (4, 2)) * 0.5 * shot.perspective * span
    centre, angle = moved.mean(0), np.radians(shot.tilt_deg)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    return np.asarray((moved - centre) @ turn.T + centre)


def _shelf(stand: Stand, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Back wall, board and the shadow of the board above; more of the board is visible from above."""
    width, height = stand.layer.size
    wall = np.array(WALLS[rng.integers(len(WALLS))], np.float32) * rng.uniform(0.6, 1.05)
    board = np.array(BOARDS[rng.integers(len(BOARDS))], np.float32)
    fall = np.linspace(rng.uniform(0.35, 0.9), 1, height, dtype=np.float32)[:, None, None]
    pixels = np.repeat(wall * fall, width, axis=1)
    depth = round((0.02 + 0.25 * max(0.0, float(np.sin(np.radians(shot.pitch_deg))))) * height)
    edge = min(max(stand.base - depth, 0), height - 1)
    pixels[edge:] = board * np.linspace(0.7, 0.98, height - edge, dtype=np.float32)[:, None, None]
    rail = stand.base + max(2, round(0.35 * (height - stand.base)))
    if rail < height:
        pixels[rail:] = board * 0.6
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGBA")


def _surround(
    scene: Image.Image, stand: Stand, item: Image.Image, neighbours: list[Image.Image], rng: np.random.Generator
) -> None:
    """Other products on the left, on the right and behind, slightly darker; each about as tall as the product."""
    scale = (stand.right - stand.left) / item.width
    for index, neighbour in enumerate(neighbours):
        far = 0.9 if index == 2 else rng.uniform(0.94, 1.04)
        size = max(4, round(neighbour.width * scale * far)), max(4, round(neighbour.height * scale * far))
        gap = round(rng.uniform(-0.04, 0.08) * size[0])
        lefts = (stand.left - size[0] - gap, stand.right + gap, stand.left + round(rng.uniform(-0.6, 0.6) * size[0]))
        base = stand.base - round((0.06 if index == 2 else rng.uniform(0, 0.02)) * size[1])
        _paste_visible(scene, neighbour, (lefts[index], base - size[1]), size, 0.5 if index == 2 else 0.78)


def _paste_visible(
    scene: Image.Image, facing: Image.Image, corner: tuple[int, int], size: tuple[int, int], light: float
) -> None:
    """Paste a picture, resized and dimmed, at a corner; only its visible part is resized."""
    left, right = max(corner[0], 0), min(corner[0] + size[0], scene.width)
    if right <= left:
        return
    shrink = facing.width / size[0]
    part = ((left - corner[0]) * shrink, 0.0, (right - corner[0]) * shrink, float(facing.height))
    seen = facing.resize((right - left, size[1]), Image.Resampling.BILINEAR, box=part)
    dimmed = seen.convert("RGB").point(lambda value: value * light)
    scene.paste(dimmed, (left, corner[1]), seen.getchannel("A"))


def _shadow(scene: Image.Image, stand: Stand, rng: np.random.Generator) -> None:
    """A soft shadow on the background, and a dark contact line on the board."""
    alpha = stand.layer.getchannel("A")
    soft = alpha.filter(ImageFilter.BoxBlur(max(2, round(0.02 * max(scene.size))))).point(lambda a: a * 0.5)
    shift = int(rng.integers(-5, 6)), int(rng.integers(0, 4))
    scene.paste((0, 0, 0, 255), (shift[0], shift[1], shift[0] + scene.width, shift[1] + scene.height), soft)


def _hidden_share(layer: Image.Image, cover: Image.Image) -> float:
    product = np.asarray(layer.getchannel("A"), np.float32)
    hidden = product * np.asarray(cover.getchannel("A"), np.float32) / 255
    return round(float(hidden.sum() / max(product.sum(), 1.0)), 3)
