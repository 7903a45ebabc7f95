"""Layouts of points: which joint is which in the files of the field's tools.

Told by the names in the file (`by_names`), or by what lies where (`choose`), never by the number of points alone;
or given by name (`layout_named`, `--skeleton`).
"""

from skeletor.io.layouts.evidence import Evidence, choose, doubts, evidence
from skeletor.io.layouts.names import Named, Point, by_names, is_world, joint_of, nose_of_face, writing_names
from skeletor.io.layouts.tables import LAYOUTS, Layout, choices, layout_named, layouts_of
from skeletor.io.layouts.unseen import collapsed, is_filling

__all__ = [
    "LAYOUTS",
    "Evidence",
    "Layout",
    "Named",
    "Point",
    "by_names",
    "choices",
    "choose",
    "collapsed",
    "doubts",
    "evidence",
    "is_filling",
    "is_world",
    "joint_of",
    "layout_named",
    "layouts_of",
    "nose_of_face",
    "writing_names",
]
