"""What was measured of one variant: a mergeable summary, the currency of gates and consoles.

Workers make summaries, the store keeps them encoded in slices, gates and pages read sums of them.
"""
