"""The importers by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slt.data.importers.base import Importer
from slt.data.importers.csl_daily import read_csl_daily
from slt.data.importers.dgs_korpus import read_dgs_korpus
from slt.data.importers.eaf_folder import read_eaf_folder
from slt.data.importers.how2sign import read_how2sign
from slt.data.importers.phoenix2014 import read_phoenix2014
from slt.data.importers.skeletons import read_skels, read_slrtp


@dataclass(frozen=True)
class Kind:
    """read: the importer. about: what it reads, in a few words. takes: options that not every kind has."""

    read: Importer
    about: str
    takes: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "how2sign": Kind(read_how2sign, "How2Sign: how2sign_realigned_*.csv, videos or OpenPose JSON"),
    "phoenix2014": Kind(
        read_phoenix2014, "PHOENIX-2014: *.corpus.csv, folders of frames; glosses only", ("glosses_as_text",)
    ),
    "csl-daily": Kind(read_csl_daily, "CSL-Daily: video_map.txt and split_1.txt, folders of frames"),
    "dgs-korpus": Kind(
        read_dgs_korpus, "DGS Korpus: .eaf or .srt, videos of person A and B or its OpenPose", ("language",)
    ),
    "slrtp": Kind(read_slrtp, "SLRTP 2025: {train,dev,test}.pt, skeletons of PHOENIX14T", ("language",)),
    "skels": Kind(
        read_skels, "Progressive Transformers: {train,dev,test}.skels with .files, .text, .gloss", ("language",)
    ),
    "eaf": Kind(
        read_eaf_folder, "a folder of ELAN documents beside their videos", ("language", "text_tiers", "gloss_tiers")
    ),
}
