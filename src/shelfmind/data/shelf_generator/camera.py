"""Photograph a package on its shelf: angle, perspective, light, glare, a price tag, blur, noise and JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from shelfmind.data.shelf_generator.fonts import Fonts, text_mask
from shelfmind.data.shelf_generator.packages import Package, posed

WALLS = ((226, 226, 222), (188, 192, 198), (92, 88, 84), (206, 184, 152), (52, 56, 66))
BOARDS = ((240, 240, 238), (176, 178, 182), (150, 112, 76), (64, 66, 70))


@dataclass(frozen=True)
class Shot:
    """The difficulty factors of one photo, as `truth.csv` records them.

    `yaw_deg` and `tilt_deg` are angles, `perspective` the corners' displacement and `occlusion` the hidden part as
    shares of the product, `exposure` a gain, `glare` its peak in 0..1, `blur_px` a radius, `jpeg_quality` Pillow's.
    """

    yaw_deg: float
    tilt_deg: float
    perspective: float
    exposure: float
    glare: float
    occlusion: float
    blur_px: float
    jpeg_quality: int
    long_side_px: int

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Shot:
        """Draw every factor; most photos are mild, each factor is now and then severe."""
        return cls(
            yaw_deg=round(float(np.clip(rng.normal(0, 13), -38, 38)), 1),
            tilt_deg=round(float(np.clip(rng.normal(0, 3), -9, 9)), 1),
            perspective=round(float(rng.beta(1.5, 5) * 0.16), 3),
            exposure=round(float(np.exp(np.clip(rng.normal(0, 0.28), -0.7, 0.5))), 2),
            glare=round(float(rng.uniform(0.25, 0.9)), 2) if rng.random() < 0.3 else 0.0,
            occlusion=round(float(rng.uniform(0.06, 0.3)), 2) if rng.random() < 0.3 else 0.0,
            blur_px=round(float(min(abs(rng.normal(0, 0.9)), 2.6)), 1),
            jpeg_quality=int(rng.integers(35, 93)),
            long_side_px=int(rng.integers(128, 225)),
        )


def photograph(product: Package, fonts: Fonts, rng: np.random.Generator) -> tuple[bytes, Shot]:
    """One photo as JPEG bytes and what made it hard."""
    shot = Shot.drawn(rng)
    item = posed(product, float(np.radians(shot.yaw_deg)), int(rng.integers(2**31)))
    margins = rng.uniform(0.02, 0.09, 4)  # left, top, right, bottom, as shares of the long side
    spare = (margins[:2] + margins[2:]) * max(item.size)
    scale = shot.long_side_px / max(item.width + spare[0], item.height + spare[1])
    item = item.resize((max(8, round(item.width * scale)), max(8, round(item.height * scale))), Image.Resampling.BOX)
    pad = np.round(margins * max(item.size)).astype(int)
    size = (item.width + int(pad[0] + pad[2]), item.height + int(pad[1] + pad[3]))
    base = size[1] - int(pad[3])
    scene = _shelf(size, base, rng)
    layer = _placed(item, size, (int(pad[0]), int(pad[1])), shot, rng)
    _neighbours(scene, item, (int(pad[0]), base), rng)
    _shadow(scene, layer, rng)
    scene.alpha_composite(layer)
    if shot.occlusion:
        _price_tag(scene, item.size, (int(pad[0]), base), shot.occlusion, fonts, rng)
    photo = _exposed(scene.convert("RGB"), shot, rng)
    stream = BytesIO()
    photo.save(stream, "JPEG", quality=shot.jpeg_quality)
    return stream.getvalue(), shot


def _shelf(size: tuple[int, int], base: int, rng: np.random.Generator) -> Image.Image:
    """Back wall, board and the shadow of the board above."""
    width, height = size
    wall = np.array(WALLS[rng.integers(len(WALLS))], np.float32) * rng.uniform(0.7, 1.05)
    board = np.array(BOARDS[rng.integers(len(BOARDS))], np.float32)
    fall = np.linspace(rng.uniform(0.35, 0.9), 1, height, dtype=np.float32)[:, None, None]
    pixels = np.broadcast_to(wall * fall, (height, width, 3)).copy()
    depth = round(rng.uniform(0.02, 0.06) * height)
    pixels[base - depth :] = board * np.linspace(0.75, 0.95, height - base + depth, dtype=np.float32)[:, None, None]
    rail = base + max(2, round(0.5 * (height - base)))
    pixels[rail:] = board * 0.62
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).convert("RGBA")


def _neighbours(scene: Image.Image, item: Image.Image, foot: tuple[int, int], rng: np.random.Generator) -> None:
    """More facings of the same product, half out of the picture and a little darker."""
    left, base = foot
    for side in (-1, 1):
        if rng.random() < 0.55:
            gap = int(rng.uniform(0.0, 0.07) * max(item.size))
            x = left + side * (item.width + gap)
            dark = Image.new("RGBA", item.size, (0, 0, 0, 70))
            facing = Image.composite(Image.alpha_composite(item, dark), item, item.getchannel("A"))
            facing.putalpha(item.getchannel("A"))
            scene.paste(facing, (x, base - item.height), facing)


def _placed(
    item: Image.Image, size: tuple[int, int], corner: tuple[int, int], shot: Shot, rng: np.random.Generator
) -> Image.Image:
    """The item on an empty layer of the photo's size, tilted and seen from a random side."""
    layer = Image.new("RGBA", size)
    layer.paste(item, corner)
    width, height = item.size
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64) + corner
    moved = corners + rng.uniform(-1, 1, (4, 2)) * shot.perspective * np.array([width, height]) * 0.7
    centre, angle = corners.mean(0), np.radians(shot.tilt_deg)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    moved = (moved - centre) @ turn.T + centre
    return layer.transform(size, Image.Transform.PERSPECTIVE, _homography(moved, corners), Image.Resampling.BICUBIC)


def _homography(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> list[float]:
    """Pillow's eight coefficients that map four source points to four target points, each of shape (4, 2)."""
    (x, y), (u, v) = source.T, target.T
    one, zero = np.ones(4), np.zeros(4)
    across = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], 1)
    down = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], 1)
    return [float(c) for c in np.linalg.solve(np.concatenate([across, down]), np.concatenate([u, v]))]


def _shadow(scene: Image.Image, layer: Image.Image, rng: np.random.Generator) -> None:
    alpha = layer.getchannel("A").filter(ImageFilter.BoxBlur(3)).point(lambda a: a * 0.5)
    shift = (int(rng.integers(-4, 5)), int(rng.integers(0, 3)))
    scene.paste((0, 0, 0, 255), (shift[0], shift[1], shift[0] + scene.width, shift[1] + scene.height), alpha)


def _price_tag(
    scene: Image.Image,
    item_size: tuple[int, int],
    foot: tuple[int, int],
    share: float,
    fonts: Fonts,
    rng: np.random.Generator,
) -> None:
    """A shelf label that stands before the product's foot and hides about `share` of it."""
    width, height = item_size
    left, base = foot
    tag_width = min(width, round(rng.uniform(0.55, 1.0) * width))
    tag_height = max(10, round(share * width * height / tag_width))
    x = left + int(rng.integers(0, width - tag_width + 1))
    y = base - tag_height + round(0.02 * height)
    ground = ((255, 252, 244), (252, 222, 60), (255, 236, 236))[rng.integers(3)]
    draw = ImageDraw.Draw(scene)
    draw.rectangle((x, y, x + tag_width, y + tag_height), fill=ground, outline=(150, 150, 150))
    draw.rectangle((x, y, x + tag_width, y + max(2, tag_height // 5)), fill=(206, 30, 40))
    size = max(7, round(min(0.6 * tag_height, 0.3 * tag_width)))
    sign = "¥" if fonts.latin else ""  # Pillow's own font lacks it
    price = text_mask(f"{sign}{rng.integers(1, 60)}.{rng.integers(0, 10)}0", size, fonts)
    top = y + round(0.6 * tag_height - size / 2)
    scene.paste((24, 24, 24), (x + (tag_width - price.width) // 2, top), price)


def _exposed(scene: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """Blur, exposure, white balance, uneven light, glare and sensor noise."""
    if shot.blur_px >= 0.3:
        scene = scene.filter(ImageFilter.GaussianBlur(shot.blur_px))
    pixels = np.asarray(scene, np.float32)
    height, width, _ = pixels.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    across, down = (float(slope) for slope in rng.uniform(-0.14, 0.14, 2))
    tint = (1 + rng.normal(0, 0.035, 3)).astype(np.float32)
    pixels = pixels * (shot.exposure * (1 + across * x + down * y))[..., None] * tint
    if shot.glare:
        cx, cy = (float(centre) for centre in rng.uniform(-0.6, 0.6, 2))
        wide, tall = rng.uniform(0.12, 0.45), rng.uniform(0.15, 0.7)
        spot = shot.glare * np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / tall) ** 2)
        pixels = pixels + (255 - pixels) * np.clip(spot, 0, 1)[..., None]
    pixels = pixels + rng.uniform(1, 5) * rng.standard_normal((height, width, 1), np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
