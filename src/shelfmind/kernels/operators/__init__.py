"""The compiled operators as MindSpore's, each with its gradient, a module a C++ file.

Maps are (N, H, W, C), float32 or bfloat16; parameters, statistics and what is of a whole image or position are float32.
"""
