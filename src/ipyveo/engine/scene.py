"""What is drawn: one picture that the camera moves over, two with what is between them, or two that cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np

from ipyveo.engine.grade import GRADES, Grade
from ipyveo.engine.path import plan
from ipyveo.engine.planes import Planes, packed, planes, unpack

if TYPE_CHECKING:
    from PIL import Image

    from ipyveo.engine.camera import Direction
    from ipyveo.engine.inbetween import InBetweens
    from ipyveo.engine.path import Affine, Path
    from ipyveo.engine.planes import Plane

_FINER: Final = 1.5
_BEYOND: Final = 0.16  # of a picture's sides, what is drawn around it for a camera that draws back
_COARSE: Final = (64, 36)
_SAME: Final = 4  # levels of a mean around, less than which no picture has changed
_MEANS: Final = 80  # along the longer side: so that a draft loops where the large clip does
_STEPS: Final = 8  # of a focus on each side: so that a draft's camera goes the way of the large clip's


class Scene(Protocol):
    """What can draw itself at any moment, in several threads at once."""

    def draw(self, time: float, out: Planes) -> None:
        """Draw the frame at a share of the clip's time."""


def stage(
    start: Image.Image,
    end: Image.Image | None,
    width: int,
    height: int,
    *,
    prompt: str,
    direction: Direction,
    take: int,
) -> Scene:
    """Make the scene of a take.

    Parameters
    ----------
    start, end
        Pillow pictures; `end` may be None.
    width, height
        Pixels of a frame, even numbers.
    prompt, direction
        What was asked for, and what of it is for the camera.
    take
        From 0.
    """
    first = planes(start, width, height)
    last = None if end is None else planes(end, width, height)
    loops = last is not None and _alike(first, last)
    pair = last is not None and not loops
    path = plan(
        direction,
        prompt,
        _focus(first.y),
        width / height,
        take=take,
        returns=last is not None,
        pair=pair,
    )
    if last is not None and pair:
        return CrossFade(first, last, path) if "cross-fade" in direction.fades else Between(first, last, path)
    grade = GRADES[direction.light] if direction.light else Grade()
    if direction.still:
        grade = grade.stirred(take)
    return Moved(start, first, last or first, path, grade)


class Moved:
    """One picture, and a camera that moves over it.

    Parameters
    ----------
    picture
        The picture, from which more detail is taken than a frame has.
    first, last
        The same in a frame's size, as it is to be at either end: of a loop, encoding may have made two of it.
    path
        The camera's way.
    grade
        The light at the far end of it.
    """

    def __init__(self, picture: Image.Image, first: Planes, last: Planes, path: Path, grade: Grade) -> None:
        self._first, self._last, self._path, self._grade = first, last, path, grade
        height, width = first.y.shape
        fine, self._to_source = first, np.eye(3)
        if any(path.end):
            around = _BEYOND if path.end.closer < 0 else 0.0
            fine, self._to_source = _finer(picture, width, height, around)
        self._luma, self._chroma = fine.y, packed(fine.u, fine.v)

    def draw(self, time: float, out: Planes) -> None:
        """Draw the frame at a share of the clip's time."""
        height, width = out.y.shape
        view = np.vstack([self._path.pose(time).view(width, height), [0, 0, 1]])
        near = 1 - _away(view, width, height)
        if near < 1:
            _look(self._luma, self._chroma, self._to_source @ view, out)
        if near > 0:
            # What is warped is never as sharp as the picture itself, which the ends have to be: so the camera
            # leaves that by and by, within a pixel.
            _lay(self._at_rest(time), view, near, out)
        self._grade.put(self._path.gone(time), out)

    def _at_rest(self, time: float) -> Planes:
        if self._last is self._first or time in {0.0, 1.0}:
            return self._last if time else self._first
        pairs = zip(self._first, self._last, strict=True)
        return Planes(*(cv2.addWeighted(one, 1 - time, other, time, 0) for one, other in pairs))


class Between:
    """Two pictures, what is between them, and a camera that leaves and comes back."""

    def __init__(self, start: Planes, end: Planes, path: Path) -> None:
        from ipyveo.engine.inbetween import in_betweens

        self._path = path
        self._between: InBetweens = in_betweens(start, end)

    def draw(self, time: float, out: Planes) -> None:
        """Draw the frame at a share of the clip's time."""
        height, width = out.y.shape
        pose, way = self._path.pose(time), self._path.way(time)
        if not any(pose):
            self._between.draw(way, None, out)
        elif pose.closer >= 0:
            self._between.draw(way, pose.view(width, height).astype(np.float32), out)
        else:
            # What lies around a frame is its own mirror image, so there has to be a frame first.
            whole = Planes(*(np.empty(plane.shape, np.uint8) for plane in out))
            self._between.draw(way, None, whole)
            _look(whole.y, packed(whole.u, whole.v), np.vstack([pose.view(width, height), [0, 0, 1]]), out)


class CrossFade:
    """Two pictures that dissolve into each other where they are."""

    def __init__(self, start: Planes, end: Planes, path: Path) -> None:
        self._start, self._end, self._path = start, end, path

    def draw(self, time: float, out: Planes) -> None:
        """Draw the frame at a share of the clip's time."""
        share = self._path.way(time)
        for start, end, plane in zip(self._start, self._end, out, strict=True):
            cv2.addWeighted(start, 1 - share, end, share, 0, dst=plane)


# A chroma sample lies on the left luma column of its pair, between its two rows.
_TO_LUMA: Final = np.array([[2, 0, 0], [0, 2, 0.5], [0, 0, 1]])
_FROM_LUMA: Final = np.linalg.inv(_TO_LUMA)


def _look(luma: Plane, chroma: Plane, view: Affine, out: Planes) -> None:
    """Draw a frame; `view`, 3 x 3, leads from its luma pixels to the picture's, whose chroma is packed."""
    _warp(luma, view, out.y)
    seen = np.empty((*out.u.shape, chroma.shape[2]), np.uint8)
    _warp(chroma, _FROM_LUMA @ view @ _TO_LUMA, seen)
    unpack(seen, out)


def _warp(source: Plane, view: Affine, out: Plane) -> None:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cv2.warpAffine(
        source, view[:2], out.shape[1::-1], dst=out, flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )


def _lay(picture: Planes, view: Affine, share: float, out: Planes) -> None:
    """Draw a picture over a frame, as far as `share` says."""
    if share < 1:
        seen = Planes(*(np.empty_like(plane) for plane in out))
        _look(picture.y, packed(picture.u, picture.v), view, seen)
        for plane, over in zip(out, seen, strict=True):
            cv2.addWeighted(plane, 1 - share, over, share, 0, dst=plane)
    else:
        for plane, over in zip(out, picture, strict=True):
            np.copyto(plane, over)


def _away(view: Affine, width: int, height: int) -> float:
    """Return by how many pixels a view leads the corner of a frame away that it leads farthest."""
    corners = np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    return float(np.abs(view @ corners - corners).max())


def _finer(picture: Image.Image, width: int, height: int, around: float) -> tuple[Planes, Affine]:
    """Return a picture with more detail than a frame has, and where a frame's pixels are in it."""
    fine_width, fine_height = (2 * round(side * _FINER / 2) for side in (width, height))
    fine = planes(picture, fine_width, fine_height)
    across, down = fine_width / width, fine_height / height
    edge = 2 * round(around * max(fine_width, fine_height) / 2)
    if edge:
        fine = Planes(
            *(
                _surrounded(plane, each)
                for plane, each in zip(fine, (edge, edge // 2, edge // 2), strict=True)
            )
        )
    to_fine = np.array([[across, 0, across / 2 - 0.5 + edge], [0, down, down / 2 - 0.5 + edge], [0, 0, 1]])
    return fine, to_fine


def _surrounded(plane: Plane, edge: int) -> Plane:
    """Put the mirror image of a plane around it, the more blurred the farther out."""
    wide = cv2.copyMakeBorder(plane, edge, edge, edge, edge, cv2.BORDER_REFLECT_101)
    size = wide.shape[1] // 8, wide.shape[0] // 8
    small = cv2.GaussianBlur(
        cv2.resize(wide, size, interpolation=cv2.INTER_AREA), (0, 0), max(1.0, edge / 24)
    )
    soft = cv2.resize(small, wide.shape[::-1])
    across, down = (np.arange(side) for side in wide.shape[::-1])
    out = [np.maximum(edge - each, each - (len(each) - 1 - edge)).clip(0) / edge for each in (across, down)]
    far = np.minimum(1.0, 2 * np.maximum(out[0][None, :], out[1][:, None])).astype(np.float32)
    return np.asarray(cv2.blendLinear(wide, soft, 1 - far, far), dtype=np.uint8)


def _alike(one: Planes, other: Planes) -> bool:
    """Tell whether two pictures are the same but for what encoding does to them."""
    apart, step = 0.0, max(1.0, max(one.y.shape) / _MEANS)
    for a, b in zip(one, other, strict=True):
        size = max(1, round(a.shape[1] / step)), max(1, round(a.shape[0] / step))
        means = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32) for plane in (a, b)]
        apart = max(apart, float(np.abs(means[0] - means[1]).max()))
    return apart < _SAME


def _focus(luma: Plane) -> tuple[float, float]:
    """Return where a picture has most to see, -1 to 1 from left to right and from top to bottom."""
    size = _COARSE if luma.shape[1] >= luma.shape[0] else _COARSE[::-1]
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    down, across = np.gradient(small)
    detail = across**2 + down**2
    total = float(detail.sum())
    if total < 1.0:
        return 0.0, 0.0
    places = (np.linspace(-1, 1, side) for side in size)
    x, y = (float((detail.sum(axis) @ place) / total) for axis, place in enumerate(places))
    return round(x * _STEPS) / _STEPS, round(y * _STEPS) / _STEPS
