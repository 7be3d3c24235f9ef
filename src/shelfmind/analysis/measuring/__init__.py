"""What one look at an image measures: size, sharpness, glare, and a perceptual fingerprint."""
