"""The simulated room: scenes, emitters, receiver."""
