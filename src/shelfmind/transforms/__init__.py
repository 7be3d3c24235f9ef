"""Image transforms: resizing (pure) and augmentation (MindSpore's C++ operators)."""
