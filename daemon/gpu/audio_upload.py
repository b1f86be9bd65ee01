"""What a batch sends to the device: many arrays, side by side in one pinned buffer, in one copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from daemon.gpu.lanes import Lanes

_PIECE_BYTES = 4 << 20  # what one thread copies at a time
_ALIGNMENT = 256  # bytes; as CUDA's own allocations, so that every section may be read in wide loads
_SMALLEST = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Equal rows of raw memory that are to arrive as one tensor (len(rows), ...) of `dtype`."""

    dtype: torch.dtype
    rows: Sequence[bytes | npt.NDArray[np.generic]]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row; every row has as many."""
        first = self.rows[0]
        return len(first) if isinstance(first, bytes) else first.nbytes


class Upload:
    """A pinned buffer and its twin on the device. Filled again only after the batch that was sent with it is done.

    copiers: threads that share the filling, for audio at 44.1 kHz in stereo comes at gigabytes a second.
    """

    def __init__(self, lanes: Lanes, copiers: Executor) -> None:
        self._lanes, self._copiers = lanes, copiers
        self._size = 0
        self._pinned = self._on_device = torch.empty(0, dtype=torch.uint8)

    def send(self, sections: Sequence[Section]) -> list[Tensor]:
        """Start the copy in the copying lane; the tensors are for whoever computes after it."""
        starts, total = [], 0
        for section in sections:
            starts.append(total)
            length = section.row_bytes * len(section.rows)
            total += -(-length // _ALIGNMENT) * _ALIGNMENT
        self._reserve(total)
        self._fill(starts, sections)
        if self._lanes.on_gpu:
            with self._lanes.copying():
                self._on_device[:total].copy_(self._pinned[:total], non_blocking=True)
        return [_tensor(section, self._on_device[start:]) for start, section in zip(starts, sections, strict=True)]

    def _reserve(self, size: int) -> None:
        if size <= self._size:
            return
        self._size = max(_SMALLEST, 1 << (size - 1).bit_length())
        with self._lanes.copying():  # says which GPU, too
            self._pinned = torch.empty(self._size, dtype=torch.uint8, pin_memory=self._lanes.on_gpu)
            self._on_device = self._pinned
            if self._lanes.on_gpu:
                self._on_device = torch.empty(self._size, dtype=torch.uint8, device=self._lanes.device)

    def _fill(self, starts: Sequence[int], sections: Sequence[Section]) -> None:
        staging = self._pinned.numpy()
        pieces = [
            (piece, staging[start:]) for start, section in zip(starts, sections, strict=True) for piece in _cut(section)
        ]
        if len(pieces) <= len(sections):
            for piece, memory in pieces:
                _lay(piece, memory)
        else:
            for _ in self._copiers.map(lambda work: _lay(*work), pieces):  # numpy lets others run while it copies
                pass


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Rows of a section from row `first` on."""

    section: Section
    first: int
    last: int


def _cut(section: Section) -> Iterator[_Piece]:
    """A section in pieces that are worth a thread's while."""
    at_once = max(1, _PIECE_BYTES // section.row_bytes)
    for first in range(0, len(section.rows), at_once):
        yield _Piece(section, first, min(first + at_once, len(section.rows)))


def _lay(piece: _Piece, memory: npt.NDArray[np.uint8]) -> None:
    """The piece's rows to their places in uint8 memory that begins where the section begins."""
    width = piece.section.row_bytes
    for place in range(piece.first, piece.last):
        memory[place * width : (place + 1) * width] = np.frombuffer(piece.section.rows[place], np.uint8)


def _tensor(section: Section, memory: Tensor) -> Tensor:
    """uint8 memory that begins with the section -> the section's tensor, not copied."""
    length = section.row_bytes * len(section.rows)
    return memory[:length].view(section.dtype).view(len(section.rows), -1)
