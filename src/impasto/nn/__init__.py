"""PyTorch modules. Import them only where they are needed, because PyTorch takes a second to load."""

import os

# With this setting, PyTorch requests large pages, which Linux provides on demand. On a CPU, pictures of a megapixel and
# more take a quarter to a third less time, and no more memory. PyTorch reads the setting when it first needs memory.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
