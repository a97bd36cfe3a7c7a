"""Figures inside the page: embedded once, in the smaller of two formats, within a limit."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mae_bench.analysis.plots import Picture, png_of, svg_of
from mae_bench.analysis.spots import AnySpot, spots_of, without_dots

MAX_SVG = 300_000  # characters; what is larger, thousands of marks, is smaller as pixels
MAX_BYTES = 1_900_000  # of all images on one page
MAX_SPOTS = 3_000  # of all figures on one page
_UNFOLDED = ("loss",)


@dataclass(frozen=True)
class Image:
    """A picture as data addresses, so that the page loads nothing.

    Attributes:
        wide: None where the page would grow too large; the file then lies beside it.
        narrow: for phones; None where they scroll the wide one.
    """

    slug: str
    title: str
    caption: str
    wide: str | None
    narrow: str | None


Spots = Mapping[str, Sequence[AnySpot]]  # of one figure: "wide", and "narrow" where there is one


def embed_all(
    pictures: Mapping[str, Sequence[Picture]], folder: Path
) -> tuple[dict[str, list[Image]], dict[str, Spots]]:
    """Save every picture and return them for the page, with the spots of each by its slug.

    Those that phones see at once also come in a narrow version: the first of a section, and all of
    pretraining.
    """
    images: dict[str, list[Image]] = {}
    spots: dict[str, Spots] = {}
    num_bytes = num_spots = 0
    for section, in_section in pictures.items():
        images[section] = []
        for picture in in_section:
            is_seen_at_once = picture is in_section[0] or section in _UNFOLDED
            image, of_image = embed(picture, folder, has_narrow=is_seen_at_once)
            num_bytes += len(image.wide or "") + len(image.narrow or "")
            if num_spots + sum(map(len, of_image.values())) > MAX_SPOTS:
                of_image = {name: without_dots(spots) for name, spots in of_image.items()}
            num_spots += sum(map(len, of_image.values()))
            if num_bytes > MAX_BYTES:
                image = Image(image.slug, image.title, image.caption, None, None)
            elif num_spots <= MAX_SPOTS:
                spots[picture.slug] = of_image
            images[section].append(image)
    return images, spots


def embed(picture: Picture, folder: Path, *, has_narrow: bool) -> tuple[Image, Spots]:
    """Save a picture and return it for the page, with a narrow version where it is to have one."""
    spots: dict[str, Sequence[AnySpot]] = {"wide": spots_of(picture.save(folder))}
    svg = (folder / f"{picture.slug}.svg").read_text(encoding="utf-8")
    png = (folder / f"{picture.slug}.png").read_bytes()
    wide = _address(svg) if len(svg) <= MAX_SVG else _png_address(png)
    narrow = None
    if has_narrow:
        figure = picture.narrow()
        spots["narrow"] = spots_of(figure)
        svg = svg_of(figure)
        narrow = _address(svg) if len(svg) <= MAX_SVG else _png_address(png_of(figure))
    return Image(picture.slug, picture.title, picture.caption, wide, narrow), spots


def _address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _png_address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
