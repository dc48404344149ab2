"""PyTorch modules. Nothing here is imported before it is needed: PyTorch takes a second to load."""

import os

# PyTorch asks the system for large pages then, which Linux gives on demand: a quarter to a third less time on a CPU for
# pictures of a megapixel and more, at no cost in memory. It looks when it first needs memory.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
