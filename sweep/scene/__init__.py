"""The simulated room: scenes, emitters, receiver.

A scene is a TOML file (``docs/scenes.md``). ``loading`` reads it, ``room.Room`` turns it into the samples that an
RTL-SDR dongle would give there. Every random number is keyed by what it is for, so nothing that is added to a scene
changes what was there before.
"""
