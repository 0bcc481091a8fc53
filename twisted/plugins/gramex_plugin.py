"""Puts ``gramex`` among the commands of ``twist``."""

from twisted.application.service import ServiceMaker

gramex = ServiceMaker("Gramex", "gramex_twisted.tap", "Serve what a gramex.yaml describes", "gramex")
