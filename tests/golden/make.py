"""Draw the pictures that the figures are held against: ``python tests/golden/make.py``, and look at each of them.

They are small, and compared with a tolerance: see ``tests/test_golden_figures.py``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave
from matplotlib.text import Text
from numpy.typing import NDArray

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from figure_contents import FIGURES, full_content  # noqa: E402

from reports.figures.style import figure_settings  # noqa: E402

_DPI = 60


def picture(figure: Figure) -> NDArray[np.float64]:
    """A figure without its texts, as levels of red, green and blue from 0 to 1, shape (height, width, 3).

    Every version of FreeType draws letters in its own way, and lines all draw alike.
    """
    stream = io.BytesIO()
    with figure_settings():
        figure.canvas.draw()
        for text in figure.findobj(Text):
            text.set_alpha(0.0)
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    stream.seek(0)
    return np.asarray(imread(stream, format="png")[:, :, :3], np.float64)


if __name__ == "__main__":
    content = full_content()
    for name, draw in FIGURES.items():
        drawn = draw(content)
        assert drawn is not None
        imsave(HERE / f"{name}.png", picture(drawn), metadata={"Software": None})
