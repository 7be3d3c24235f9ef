"""Image transforms: augmentation with MindSpore's C++ operators and in NumPy."""
