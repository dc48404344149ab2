"""Impasto's nodes for ComfyUI: paint images in the style of any painting.

ComfyUI loads nodes with its second schema from `comfy_entrypoint`. Older versions load the same classes from two
mappings.
"""

from .host import ComfyExtension
from .nodes import NODES

if ComfyExtension is None:
    from .v1 import mappings

    NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS = mappings(NODES)
else:

    class ImpastoExtension(ComfyExtension):
        """Returns the nodes to ComfyUI."""

        async def get_node_list(self):
            return NODES

    async def comfy_entrypoint():
        """Return the extension; ComfyUI calls this once at its start."""
        return ImpastoExtension()
