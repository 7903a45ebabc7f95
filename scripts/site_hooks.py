"""What mkdocs is told beside mkdocs.yml: pages that lie outside docs/, and links between all of them.

Links in the files are those of the repository, so that they work wherever it is browsed. On the site the README is the
first page, and the tables of results are pages too; a link to any other file of the repository becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
_SINGLE = {"README.md": "index.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}
_FOLDERS = {"experiments/results": (".md", ".png", ".svg"), "skeletor/lifters/weights": (".md",)}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def outside_pages() -> dict[str, str]:
    """Files outside docs/ that belong to the site: their path in the repository -> in the site."""
    found = dict(_SINGLE)
    for folder, suffixes in _FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                name = path.relative_to(ROOT).as_posix()
                found[name] = name
    return found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/."""
    for source, target in outside_pages().items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site."""
    pages = outside_pages()
    here = {target: source for source, target in pages.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    known = {file.src_uri for file in files}

    def link(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if not path or ":" in path:
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
        uri = pages.get(there, there.removeprefix("docs/"))
        if uri in known:
            start = posixpath.dirname(page.file.src_uri) or "."
            return f"{mark}[{text}]({posixpath.relpath(uri, start)}{hash_}{anchor})"
        return text if (ROOT / there).exists() else match[0]

    return _LINK.sub(link, markdown)
