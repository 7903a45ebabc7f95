"""Holistic's graph in parts that each are called from Python: models that stay loaded, and state that does not.

Holistic loads its models with each graph, and a graph remembers the clip before. Cut at the places where a rectangle
of the picture goes in and landmarks come out, the parts with models remember nothing: they are loaded once for a
process and serve all clips, and one hand model serves both hands. What remembers (the smoothing of the body over time)
has no model and is made anew for each clip. A part is at work for one thread at a time; `copy` gives another one of the
same kind, with models of its own, for another thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from typing import Any

from slt.estimators.mediapipe.models.hand_model import HandModel, read_hand_model
from slt.estimators.mediapipe.models.package import package_folder, silence
from slt.estimators.mediapipe.models.pose_model import PoseModel, read_model

POSE_MODEL, HAND_MODEL = "pose_model", "hand_model"  # side packets with their bytes
_FILE_READER = "LocalFileContentsCalculator"

WHOLE = """
input_stream: "image"
output_stream: "pose_landmarks"
output_stream: "left_hand_landmarks"
output_stream: "right_hand_landmarks"
executor { type: "ApplicationThreadExecutor" }
node {
  calculator: "PoseLandmarkCpu"
  input_stream: "IMAGE:image"
  input_side_packet: "MODEL_COMPLEXITY:model_complexity"
  input_side_packet: "SMOOTH_LANDMARKS:smooth_landmarks"
  input_side_packet: "ENABLE_SEGMENTATION:enable_segmentation"
  input_side_packet: "USE_PREV_LANDMARKS:use_prev_landmarks"
  output_stream: "LANDMARKS:pose_landmarks"
}
node {
  calculator: "HandLandmarksLeftAndRightCpu"
  input_stream: "IMAGE:image"
  input_stream: "POSE_LANDMARKS:pose_landmarks"
  output_stream: "LEFT_HAND_LANDMARKS:left_hand_landmarks"
  output_stream: "RIGHT_HAND_LANDMARKS:right_hand_landmarks"
}
"""
_LEFT = "handlandmarksleftandrightcpu__handlandmarksfromposecpu_1__"  # both hands have the same nodes
SCORE = _LEFT + "handlandmarkcpu__hand_presence_score"
POINTS = "handlandmarksleftandrightcpu__left_hand_landmarks_from_pose"  # wrist, little finger, index of the body
CROP = "handlandmarksleftandrightcpu__left_hand_roi_from_recrop"
PLACE = "handlandmarksleftandrightcpu__left_hand_tracking_roi"
HAND = "left_hand_landmarks"
SIDE = _LEFT + "handlandmarkcpu__handedness"  # the model's own judgement
NEXT_PLACE = _LEFT + "handtracking__prev_hand_landmarks_roi"
_TENSORS, VALUES = _LEFT + "handlandmarkcpu__output_tensors", "values"
EARLIER_HAND = _LEFT + "handtracking__prev_hand_landmarks"
DETECTED = "poselandmarkcpu__pose_rect_from_detection"
RECT = "poselandmarkcpu__pose_rect"
RAW_BODY = ("poselandmarkcpu__unfiltered_pose_landmarks", "poselandmarkcpu__unfiltered_auxiliary_landmarks")
BODY, NEXT_RECT = "pose_landmarks", "poselandmarkcpu__pose_rect_from_landmarks"
_IMAGES = {"poselandmarkcpu__image_for_pose_detection": "image",
           "poselandmarkcpu__image_size_for_pose_detection": "poselandmarkcpu__image_size"}  # fmt: skip


class Part:
    """A graph of some of Holistic's nodes: packets of its input streams in, those of its outputs out.

    Without a packet for an output there was nothing to tell (no person, no hand). Threads may share it.
    """

    def __init__(self, config: Any, outputs: Sequence[str], side: Mapping[str, Any]) -> None:
        self.config, self._outputs, self.side = config, tuple(outputs), dict(side)
        self._graph: Any = None
        self._found: dict[str, Any] = {}
        self._clock = 0
        self._lock = Lock()

    def __call__(self, packets: Mapping[str, Any], time: int | None = None) -> dict[str, Any]:
        """Output stream -> packet. time: in microseconds, growing; None for parts that do not care."""
        with self._lock:
            try:
                return self._call(self._loaded(), packets, time)
            except BaseException:  # what was broken off must not come out at the next call
                self._graph = None
                raise

    def load(self) -> None:
        """Load its models now, so that the first call does not wait for them."""
        with self._lock:
            self._loaded()

    def _loaded(self) -> Any:
        if self._graph is None:
            try:
                with silence():  # what it loads it announces
                    self._started().wait_until_idle()
            except BaseException:  # half of a graph is none
                self._graph = None
                raise
        return self._graph

    def _call(self, graph: Any, packets: Mapping[str, Any], time: int | None) -> dict[str, Any]:
        self._clock = self._clock + 1 if time is None else time
        self._found.clear()
        for stream, packet in packets.items():
            graph.add_packet_to_input_stream(stream, packet.at(self._clock))
        graph.wait_until_idle()
        return dict(self._found)

    def _started(self) -> Any:
        from mediapipe.python._framework_bindings.calculator_graph import CalculatorGraph

        self._graph = CalculatorGraph(graph_config=self.config)
        # The graph holds what it calls. A method of this object would close a circle through C++, which Python's
        # collector cannot see: every graph would stay for ever. And no Python code may run in the call, since
        # a signal's exception in there (Ctrl-C) aborts the process.
        for stream in self._outputs:
            self._graph.observe_output_stream(stream, self._found.__setitem__)
        self._graph.start_run(self.side)
        return self._graph

    def close(self) -> None:
        """End the graph."""
        graph, self._graph = self._graph, None
        if graph is not None:
            graph.close()


def flat_graph() -> Any:
    """The graph with its subgraphs written out, and the bytes of the models of body and hands as side packets instead
    of the files that their loaders read."""
    from mediapipe.framework import calculator_pb2
    from mediapipe.python._framework_bindings.resource_util import set_resource_dir
    from mediapipe.python._framework_bindings.validated_graph_config import ValidatedGraphConfig

    set_resource_dir(str(package_folder().parent))  # where the models lie
    whole = ValidatedGraphConfig()
    whole.initialize(graph_config=WHOLE)
    graph = calculator_pb2.CalculatorGraphConfig()
    graph.ParseFromString(whole.binary_config)
    contents = {}
    for loader, packet in (("poselandmarkmodelloader", POSE_MODEL), ("handlandmarkmodelloader", HAND_MODEL)):
        for reader in [n for n in graph.node if n.calculator == _FILE_READER and loader in n.name]:
            contents.update({_stream(name): packet for name in reader.output_side_packet})
            graph.node.remove(reader)
    graph.input_side_packet.extend((POSE_MODEL, HAND_MODEL))
    for node in graph.node:
        _rename(node.input_side_packet, contents)
    return graph


def sides(smooth: bool, model: PoseModel = "full") -> dict[str, Any]:
    """Side packets of a graph with the body's part."""
    from mediapipe.python import packet_creator

    return {
        "model_complexity": packet_creator.create_int(1),  # whichever model it is: its bytes are given
        "smooth_landmarks": packet_creator.create_bool(smooth),
        "enable_segmentation": packet_creator.create_bool(False),
        "use_prev_landmarks": packet_creator.create_bool(True),
        POSE_MODEL: packet_creator.create_string(read_model(model)),
    }


@cache
def detector() -> Part:
    """image -> DETECTED, where a person is; for the first frame, and after one is lost."""
    return _part(("image",), (DETECTED,), {}, _IMAGES)


@cache
def body(model: PoseModel) -> Part:
    """image, RECT -> RAW_BODY, landmarks of the person there."""
    return _part(("image", RECT), RAW_BODY, sides(True, model), {})


def smoother(smooth: bool) -> Part:
    """image, RAW_BODY -> BODY, smoothed over time, and NEXT_RECT, where to look next. To be closed."""
    side = {key: packet for key, packet in sides(smooth).items() if key == "smooth_landmarks"}
    return _part(("image", *RAW_BODY), (BODY, NEXT_RECT), side, {})


@cache
def cropper(copy: int) -> Part:
    """image, POINTS -> CROP, the rectangle around a hand whose place the body's landmarks tell roughly."""
    return _part(("image", POINTS), (CROP,), {}, {})


@cache
def follower(copy: int) -> Part:
    """image, CROP, EARLIER_HAND and its NEXT_PLACE -> PLACE: that one if the hand is still there, or else the crop."""
    return _part(("image", CROP, EARLIER_HAND, NEXT_PLACE), (PLACE,), {}, {})


@cache
def hand(model: HandModel, copy: int) -> Part:
    """image, PLACE -> HAND, its 21 landmarks if one is there, SCORE, SIDE, and NEXT_PLACE, the rectangle around it."""
    from mediapipe.python import packet_creator

    side = {HAND_MODEL: packet_creator.create_string(read_hand_model(model))}
    return _part(("image", PLACE), (HAND, SCORE, SIDE, NEXT_PLACE), side, {EARLIER_HAND: HAND})


def hand_values(model: bytes) -> Part:
    """image, PLACE -> VALUES, the floats of the only output of a model of such crops as the hand's. To be closed."""
    from mediapipe.python import packet_creator

    part = _part(("image", PLACE), (_TENSORS,), {HAND_MODEL: packet_creator.create_string(model)}, {})
    node = part.config.node.add()
    node.calculator = "TensorsToFloatsCalculator"
    node.input_stream.append(f"TENSORS:{_TENSORS}")
    node.output_stream.append(f"FLOATS:{VALUES}")
    return Part(part.config, (VALUES,), part.side)


def _part(inputs: Sequence[str], outputs: Sequence[str], side: Mapping[str, Any], renamed: Mapping[str, str]) -> Part:
    graph = flat_graph()
    for node in graph.node:
        _rename(node.input_stream, renamed)
    makers = {_stream(name): n for n in graph.node for name in (*n.output_stream, *n.output_side_packet)}
    needed: set[str] = set()  # names of nodes
    asked = list(outputs)
    while asked:
        stream = asked.pop()
        node = None if stream in inputs or stream in side else makers[stream]
        if node is not None and node.name not in needed:
            needed.add(node.name)
            asked += map(_stream, (*node.input_stream, *node.input_side_packet))
    kept = [node for node in graph.node if node.name in needed]
    del graph.node[:], graph.input_stream[:], graph.output_stream[:], graph.input_side_packet[:]
    graph.node.extend(kept)
    graph.input_stream.extend(inputs)
    graph.output_stream.extend(outputs)
    graph.input_side_packet.extend(side)
    return Part(graph, outputs, side)


def _stream(name: str) -> str:
    """The stream's own name, without tag and number ("TAG:0:name")."""
    return name.split(":")[-1]


def _rename(streams: Any, names: Mapping[str, str]) -> None:
    for place, name in enumerate(streams):
        own = _stream(name)
        if own in names:
            streams[place] = name[: len(name) - len(own)] + names[own]
