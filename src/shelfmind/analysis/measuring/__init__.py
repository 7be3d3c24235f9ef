"""Image measurements: size, sharpness, glare, and a perceptual fingerprint."""
