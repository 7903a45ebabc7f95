"""`.pose` files of pose-format (A. Moryossef et al.): their bytes (`container`), and the clips in them (`clips`)."""

from skeletor.io.pose_format.clips import read_all, read_people, read_pose, write_pose

__all__ = ["read_all", "read_people", "read_pose", "write_pose"]
