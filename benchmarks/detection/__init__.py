"""Detection: planted bugs found and false alarms made, by Quietroom and by the rules that other tools use.

``python -m benchmarks.detection [--long]``; see ``docs/detection.md``.
"""
