"""Puts ``gramex`` among the commands of ``twist``."""

from twisted.application.service import ServiceMaker

gramex = ServiceMaker(  # type: ignore[no-untyped-call]
    "Gramex", "gramex_twisted.tap", "Serve what a gramex.yaml describes", "gramex"
)
