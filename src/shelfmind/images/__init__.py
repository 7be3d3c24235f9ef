"""Images on their way in: decoded, checked, made squares, kept, and fed to a network."""
