"""The compiled operators as MindSpore operators with gradients, one module per C++ file.

Feature maps are (N, H, W, C), float32 or bfloat16; parameters, statistics and values per image or position are float32.
"""
