"""Impasto's nodes for ComfyUI: paint images in the style of any painting.

ComfyUI takes nodes of its second schema from `comfy_entrypoint`. A ComfyUI from before that schema takes the same
classes from two mappings.
"""

from .host import ComfyExtension
from .nodes import NODES

if ComfyExtension is None:
    from .v1 import mappings

    NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS = mappings(NODES)
else:

    class ImpastoExtension(ComfyExtension):
        """What ComfyUI asks for the nodes."""

        async def get_node_list(self):
            return NODES

    async def comfy_entrypoint():
        """Called once by ComfyUI when it starts."""
        return ImpastoExtension()
