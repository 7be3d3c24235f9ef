"""A small procedural renderer of retail packages: a data set that needs no download and whose truth is known."""

from shelfmind.data.shelf_generator.writing import generate

__all__ = ["generate"]
