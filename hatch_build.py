"""Build hook: make the JavaScript bundle that draws the charts (Vega, Vega-Lite, Vega-Embed).

It runs for the wheel and for `pip install -e .` alike, so that the bundle is in every installation and
never in the repository.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = Path("src/autotroph/faces/static/vega.js")


class ChartBundleHook(BuildHookInterface):
    """Writes the bundle where the pages look for it, unless it is there."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Called by hatchling before the files are collected."""
        bundle = Path(self.root) / BUNDLE
        if not bundle.exists():
            from vl_convert import javascript_bundle

            bundle.parent.mkdir(parents=True, exist_ok=True)
            bundle.write_text(javascript_bundle(), encoding="utf-8")
