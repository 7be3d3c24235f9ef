// Crops boxes from a photo. Browsers apply the EXIF orientation, so photos and boxes are upright.

const QUALITY = 0.95;

// A JPEG file of the box.
export function cropped(image, { x, y, width, height }, name) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width));
  canvas.height = Math.max(1, Math.round(height));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";  // background of transparent areas, as in the service
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(new File([blob], name, { type: "image/jpeg" })) : reject(new Error("no memory"))), "image/jpeg", QUALITY);
  });
}
