"""Deploy to a fleet of boards: waves of them, by Ansible, with the installer of a single board."""

from __future__ import annotations

from edge_hdr.fleet.course import Course, Delivery, Packer, Parcel, deploy
from edge_hdr.fleet.engine import ROLES
from edge_hdr.fleet.inventory import Board, boards
from edge_hdr.fleet.outcome import BoardError, BoardEvent, BoardOutcome, BoardStatus, FleetOutcome
from edge_hdr.fleet.packing import Packing
from edge_hdr.fleet.questions import facts, status

__all__ = [
    "ROLES",
    "Board",
    "BoardError",
    "BoardEvent",
    "BoardOutcome",
    "BoardStatus",
    "Course",
    "Delivery",
    "FleetOutcome",
    "Packer",
    "Packing",
    "Parcel",
    "boards",
    "deploy",
    "facts",
    "status",
]
