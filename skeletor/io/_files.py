"""`skeletor.files` under the name by which the readers of poses know it."""

from skeletor.files import check_unfolded, checked_fps, existing_file, one_line, reading

__all__ = ["check_unfolded", "checked_fps", "existing_file", "one_line", "reading"]
