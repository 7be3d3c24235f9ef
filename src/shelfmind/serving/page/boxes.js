// Boxes on a photo, in its pixels: {x, y, width, height}, always within it.

export const MIN_SIDE = 8;  // minimum side in pixels

const between = (low, value, high) => Math.max(low, Math.min(value, high));

export function ofCorners(one, other, photo) {
  const [left, right] = [one.x, other.x].map((x) => between(0, x, photo.width)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, other.y].map((y) => between(0, y, photo.height)).sort((a, b) => a - b);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function moved(box, dx, dy, photo) {
  return { ...box, x: between(0, box.x + dx, photo.width - box.width), y: between(0, box.y + dy, photo.height - box.height) };
}

// Move a side or corner ("n", "se", ...).
export function resized(box, handle, dx, dy, photo) {
  let [left, top, right, bottom] = [box.x, box.y, box.x + box.width, box.y + box.height];
  if (handle.includes("w")) left = between(0, left + dx, right - MIN_SIDE);
  if (handle.includes("e")) right = between(left + MIN_SIDE, right + dx, photo.width);
  if (handle.includes("n")) top = between(0, top + dy, bottom - MIN_SIDE);
  if (handle.includes("s")) bottom = between(top + MIN_SIDE, bottom + dy, photo.height);
  return { ...box, x: left, y: top, width: right - left, height: bottom - top };
}

// A box of the same size next to it, where the product's next facing is on the shelf.
export function beside(box, photo) {
  const room = box.x + 2 * box.width <= photo.width;
  return moved(box, room ? box.width : -box.width, 0, photo);
}
