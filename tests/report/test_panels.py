"""Where views, details and marks land in the comparison picture."""

import numpy as np
from PIL import Image

from nerfzip.report.panels import GAP, MARK, PANEL_WIDTH, Detail, Panel, draw_panels


def test_each_column_shows_its_view_and_the_enlarged_detail() -> None:
    detail = Detail(left=0.5, top=0.25, side=0.25)
    colours = [(10, 60, 110), (0, 200, 0)]
    panels = []
    for colour in colours:
        pixels = np.full((40, 40, 3), colour, np.uint8)
        pixels[10:20, 20:30] = (250, 250, 0)  # what the detail shows
        panels.append(Panel("title", "note", Image.fromarray(pixels)))
    picture = np.array(draw_panels(panels, detail))
    assert picture.shape[1] == 2 * PANEL_WIDTH + 3 * GAP
    for column, colour in enumerate(colours):
        x = GAP + column * (PANEL_WIDTH + GAP)
        strip = picture[:, x : x + PANEL_WIDTH]
        view_top = int(np.flatnonzero((strip[:, 5] == colour).all(-1))[0])
        assert (strip[view_top + PANEL_WIDTH - 1, 5] == colour).all()
        # The mark's top left corner lies at half the width and a quarter of the height.
        assert (strip[view_top + PANEL_WIDTH // 4, PANEL_WIDTH // 2] == MARK).all()
        inside = strip[view_top + PANEL_WIDTH + GAP :][4 : PANEL_WIDTH - 4, 4:-4]
        assert (inside == (250, 250, 0)).all()


def test_notes_and_titles_are_drawn() -> None:
    image = Image.new("RGB", (8, 4), "white")
    with_text = np.array(draw_panels([Panel("title", "note", image)], Detail(0, 0, 0.5)))
    without = np.array(draw_panels([Panel("", "", image)], Detail(0, 0, 0.5)))
    rows = np.flatnonzero((with_text != without).any((1, 2)))
    assert rows.min() < 2 * GAP + 16
    assert rows.max() > with_text.shape[0] - 2 * GAP - 16
