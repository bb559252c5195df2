"""What was found, made of texts alone."""

import msgspec
import numpy as np


def even(words):
    """Of a corpus in which every word is as rare as any."""
    return np.full(len(words), 3.0)


def texts(passages, *wanted, cosines=()):
    """What was found: passages with these texts, and cosines where there are any."""
    best = passages[0].best
    return [
        msgspec.structs.replace(
            best,
            passage=msgspec.structs.replace(best.passage, title="", text=text),
            dense=cosines[place] if cosines else None,
        )
        for place, text in enumerate(wanted)
    ]
